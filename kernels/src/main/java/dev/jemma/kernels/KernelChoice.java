package dev.jemma.kernels;

/** Which kernels a command stream may choose from. */
public enum KernelChoice {
    /** For each op the fastest for the number of rows at hand. Kernels add in different orders, so last bits differ. */
    FASTEST,
    /**
     * Those whose results for a row are the same bits whatever other rows the step has and however the row's prompt is
     * divided into steps: what a sequence becomes does not depend on its neighbours. Rows of decodes ({@link
     * Step#addDecode}) may have other kernels than those of prompts.
     */
    BATCH_INVARIANT
}
