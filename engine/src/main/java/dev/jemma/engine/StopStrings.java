package dev.jemma.engine;

import java.util.List;

/**
 * Ends a text at the first of some strings and never lets part of one through: the end of the text so far is held back
 * while it may still become a stop string.
 */
final class StopStrings {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private boolean matched;

    StopStrings(List<String> stops) {
        this.stops = List.copyOf(stops);
    }

    /** Whether a stop string has come up; nothing is let through any more. */
    boolean matched() {
        return matched;
    }

    /** Adds text; returns what can be shown now. */
    String accept(String text) {
        if (matched || text.isEmpty()) {
            return "";
        }
        int checked = held.length();
        held.append(text);
        for (int end = checked + 1; end <= held.length(); end++) {
            int start = startOfStopEndingAt(end);
            if (start >= 0) {
                matched = true;
                return take(start);
            }
        }
        return take(held.length() - possibleBeginning());
    }

    /** What was held back, once no more text comes. */
    String flush() {
        return matched ? "" : take(held.length());
    }

    /** Where the longest stop string begins that ends at {@code end}, or -1. */
    private int startOfStopEndingAt(int end) {
        int start = -1;
        for (String stop : stops) {
            int from = end - stop.length();
            if (from >= 0 && held.indexOf(stop, from) == from && (start < 0 || from < start)) {
                start = from;
            }
        }
        return start;
    }

    /** Length of the longest end of the text that a stop string begins with. */
    private int possibleBeginning() {
        int longest = 0;
        for (String stop : stops) {
            for (int length = Math.min(stop.length() - 1, held.length()); length > longest; length--) {
                if (stop.startsWith(held.substring(held.length() - length))) {
                    longest = length;
                }
            }
        }
        return longest;
    }

    private String take(int length) {
        String taken = held.substring(0, length);
        held.delete(0, length);
        return taken;
    }
}
