// Threads that help with a dispatch, kept between dispatches.
#pragma once

#include <pthread.h>

namespace softmetal {

// Work that any number of threads may join until it is used up.
class SharedWork {
  public:
    virtual void take_part() = 0;

  protected:
    ~SharedWork() = default;
};

class Workers {
  public:
    // Runs `work` on the calling thread and up to `helpers` others; returns when all that joined have left.
    void run(SharedWork& work, unsigned helpers);

  private:
    static void* helper(void* self);
    void help();

    pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t offered_ = PTHREAD_COND_INITIALIZER, left_ = PTHREAD_COND_INITIALIZER;
    SharedWork* work_ = nullptr;
    unsigned long offer_ = 0;
    unsigned started_ = 0, places_ = 0, joined_ = 0;
};

} // namespace softmetal
