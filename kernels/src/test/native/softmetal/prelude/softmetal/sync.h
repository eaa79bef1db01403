// Barriers. What the flags mean to the emulator: a barrier that names no memory orders none (seen by ThreadSanitizer).
#pragma once

namespace metal {

enum class mem_flags : int { mem_none = 0, mem_device = 1, mem_threadgroup = 2, mem_texture = 4 };
SM_INLINE constexpr mem_flags operator|(mem_flags a, mem_flags b) { return mem_flags(int(a) | int(b)); }

SM_INLINE void threadgroup_barrier(mem_flags flags, SM_CALL_LINE) {
    sm_barrier(SM_THREADGROUP_BARRIER, int(flags), line);
}
SM_INLINE void simdgroup_barrier(mem_flags flags, SM_CALL_LINE) {
    sm_barrier(SM_SIMDGROUP_BARRIER, int(flags), line);
}

} // namespace metal
