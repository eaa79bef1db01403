package dev.jemma.kernels.metal;

import org.jspecify.annotations.Nullable;

/**
 * Compares what Java passes with the runtime's own record of a method, because a wrong signature does not fail: it
 * reads registers that nobody set. On for every first use of a message with a class under {@code
 * -Djemma.metal.check=true}; the tests run so.
 */
final class SignatureCheck {
    static final boolean ENABLED = Boolean.getBoolean("jemma.metal.check");

    /** Pairs of class and message already found right, as an open-addressed table: a check allocates nothing. */
    private final long[] known = new long[2 * 1024];

    private int count;

    SignatureCheck() {}

    private static final SignatureCheck SEEN = new SignatureCheck();

    /** Checks the message against the receiver's class unless that has been done. */
    static void once(long receiver, Message message) {
        SEEN.check(ObjC.classOf(receiver), receiver, message);
    }

    private synchronized void check(long cls, long receiver, Message message) {
        long key = key(message);
        int slot = slot(cls, key);
        if (known[slot] != 0) {
            return;
        }
        String fault = fault(receiver, message);
        if (fault != null) {
            throw new IllegalStateException("metal: " + fault);
        }
        if (2 * ++count > known.length / 2) {
            throw new IllegalStateException("metal: signature table full: raise its size");
        }
        known[slot] = cls;
        known[slot + 1] = key;
    }

    /** The same selector with another signature is another pair. */
    private static long key(Message message) {
        return message.selector() * 31 + message.encoding().hashCode();
    }

    private int slot(long cls, long key) {
        int mask = known.length / 2 - 1;
        int at = (int) (((cls * 31 + key) * 0x9E3779B97F4A7C15L) >>> 40) & mask;
        while (known[2 * at] != 0 && (known[2 * at] != cls || known[2 * at + 1] != key)) {
            at = (at + 1) & mask;
        }
        return 2 * at;
    }

    /** What is wrong with sending this message to this object; null if nothing. */
    static @Nullable String fault(long receiver, Message message) {
        String actual = ObjC.typeEncoding(ObjC.classOf(receiver), message);
        if (actual == null) {
            return ObjC.className(receiver) + " has no method " + message.name();
        }
        if (!Signature.normal(actual).equals(Signature.normal(message.encoding()))) {
            return ObjC.className(receiver) + " " + message.name() + ": Java passes " + message.encoding()
                    + ", the method takes " + actual;
        }
        return null;
    }
}
