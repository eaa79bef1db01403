package dev.jemma.kernels;

/** The machine could not do it: not our bug and not wrong input. Messages read: where: what; what to do. */
public sealed class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    DeviceException(String message, Throwable cause) {
        super(message, cause);
    }

    DeviceException(String message) {
        super(message);
    }

    /** Memory does not suffice. */
    public static final class OutOfMemory extends DeviceException {
        private static final long serialVersionUID = 1L;

        public OutOfMemory(String message) {
            super(message);
        }
    }

    /** The backend does not exist here or cannot be used. */
    public static final class Unavailable extends DeviceException {
        private static final long serialVersionUID = 1L;

        public Unavailable(String message) {
            super(message);
        }

        public Unavailable(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** A kernel did not compile. */
    public static final class CompileFailed extends DeviceException {
        private static final long serialVersionUID = 1L;

        public CompileFailed(String message) {
            super(message);
        }
    }

    /** The device reported an error while running; its memory must be taken as lost. */
    public static final class Failed extends DeviceException {
        private static final long serialVersionUID = 1L;

        public Failed(String message) {
            super(message);
        }
    }
}
