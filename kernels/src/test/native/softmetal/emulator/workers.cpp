#include "workers.h"

namespace softmetal {

void Workers::run(SharedWork& work, unsigned helpers) {
    pthread_mutex_lock(&mutex_);
    for (; started_ < helpers; started_++) {
        pthread_t thread;
        if (pthread_create(&thread, nullptr, helper, this) != 0) break; // fewer helpers: slower, not wrong
        pthread_detach(thread);
    }
    work_ = &work;
    offer_++;
    places_ = helpers;
    pthread_cond_broadcast(&offered_);
    pthread_mutex_unlock(&mutex_);

    work.take_part();

    pthread_mutex_lock(&mutex_);
    work_ = nullptr; // who wakes up only now finds nothing to join
    while (joined_) pthread_cond_wait(&left_, &mutex_);
    pthread_mutex_unlock(&mutex_);
}

void* Workers::helper(void* self) {
    static_cast<Workers*>(self)->help();
    return nullptr;
}

void Workers::help() {
    unsigned long taken = 0; // no offer is joined twice: it may be used up while its owner is still busy
    pthread_mutex_lock(&mutex_);
    for (;;) {
        while (!work_ || offer_ == taken || !places_) pthread_cond_wait(&offered_, &mutex_);
        SharedWork* work = work_;
        taken = offer_;
        places_--;
        joined_++;
        pthread_mutex_unlock(&mutex_);
        work->take_part();
        pthread_mutex_lock(&mutex_);
        if (--joined_ == 0) pthread_cond_signal(&left_);
    }
}

} // namespace softmetal
