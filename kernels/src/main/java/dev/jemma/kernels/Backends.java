package dev.jemma.kernels;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;

/** Chooses a backend by name or by rank and opens its device, with every op checked before the backend sees it. */
public final class Backends {
    private Backends() {}

    /** A backend that was not chosen, and why. */
    public record Refusal(String backend, String reason) {}

    /** An open device and the better-ranked backends that could not be opened. */
    public record Choice(Device device, List<Refusal> refusals) {}

    /** All backends on the class path, best first. */
    public static List<DeviceProvider> providers() {
        return ServiceLoader.load(DeviceProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparingInt(DeviceProvider::rank).reversed())
                .toList();
    }

    /** Does what opening a device needs of the JVM once. */
    public static void prepare() {
        providers().forEach(DeviceProvider::prepare);
    }

    /** Names that {@link #open} takes, best first. */
    public static List<String> names() {
        return providers().stream().map(DeviceProvider::backend).toList();
    }

    /**
     * Opens the backend with this name, or the best one for {@code auto}.
     *
     * @throws DeviceException.Unavailable if it cannot be opened
     * @throws IllegalArgumentException if there is no such backend
     */
    public static Choice open(String name, DeviceOptions options) {
        List<Refusal> refusals = new ArrayList<>();
        for (DeviceProvider provider : providers()) {
            if (name.equals(provider.backend())) {
                return new Choice(checked(provider.open(options)), List.of());
            }
            if (name.equals("auto") && provider.rank() >= 0) {
                try {
                    return new Choice(checked(provider.open(options)), List.copyOf(refusals));
                } catch (DeviceException.Unavailable unavailable) {
                    refusals.add(new Refusal(provider.backend(), String.valueOf(unavailable.getMessage())));
                }
            }
        }
        if (name.equals("auto")) {
            throw new DeviceException.Unavailable("no backend can be used here: " + refusals);
        }
        throw new IllegalArgumentException("backend: expected auto or one of " + names() + ", got '" + name + "'");
    }

    /** The same device with the arguments of every op checked before it sees them. */
    public static Device checked(Device device) {
        return device instanceof CheckedDevice ? device : new CheckedDevice(device);
    }
}
