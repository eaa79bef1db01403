/*
 * The C functions of the Objective-C runtime and of Metal that Jemma calls; scripts/generate-bindings makes the Java
 * package dev.jemma.kernels.metal.bindings from it. Apple's own headers are neither needed nor copied: this file says
 * the same to a C calling convention. References to objects, classes, selectors and methods are integers of pointer
 * size here, so that Java holds them as long and a step allocates nothing.
 */
typedef unsigned long objc_ref;

objc_ref objc_getClass(const char *name);
objc_ref object_getClass(objc_ref object);
const char *class_getName(objc_ref cls);
objc_ref class_getInstanceMethod(objc_ref cls, objc_ref selector);
const char *method_getTypeEncoding(objc_ref method);
objc_ref sel_registerName(const char *name);

objc_ref objc_autoreleasePoolPush(void);
void objc_autoreleasePoolPop(objc_ref pool);

/*
 * Never called through this prototype: only its address is taken. A variadic prototype would pass arguments on the
 * stack on Apple's arm64, where methods look for them in registers.
 */
void objc_msgSend(void);

objc_ref MTLCreateSystemDefaultDevice(void);
objc_ref MTLCopyAllDevices(void);

int getpagesize(void);
