package dev.jemma.kernels;

/**
 * Memory of a device, in bytes.
 *
 * @param totalBytes what the device has
 * @param availableBytes what a program should still allocate at most (free memory, or the system's recommendation)
 * @param allocatedBytes what is allocated through this device now
 */
public record DeviceMemory(long totalBytes, long availableBytes, long allocatedBytes) {}
