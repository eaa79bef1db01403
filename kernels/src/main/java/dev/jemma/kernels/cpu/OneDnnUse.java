package dev.jemma.kernels.cpu;

import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.onednn.OneDnnLibrary;
import java.util.Locale;

/** Whether products go to oneDNN. */
enum OneDnnUse {
    /** Never: nothing is unpacked or loaded. */
    OFF,
    /** Where it is there, works and is faster. */
    AUTO,
    /** As {@link #AUTO}, but a device without it is refused: for who wants to be sure. */
    ON;

    /** What the system property {@link OneDnnLibrary#PROPERTY} says. */
    static OneDnnUse asked() {
        String value = System.getProperty(OneDnnLibrary.PROPERTY, "auto");
        for (OneDnnUse use : values()) {
            if (use.name().toLowerCase(Locale.ROOT).equals(value)) {
                return use;
            }
        }
        throw new DeviceException.Unavailable(
                "cpu: " + OneDnnLibrary.PROPERTY + ": expected auto, on or off, got " + value);
    }
}
