package dev.jemma.kernels;

/**
 * The largest step that a command stream will see; its scratch memory is sized by it once.
 *
 * @param maxRows rows of a step
 * @param maxOutputRows rows whose logits are wanted
 * @param maxSlots sequence slots
 * @param maxContext positions of a sequence
 * @param maxHeads query heads of any layer
 * @param maxAttentionCols columns of the widest query activation: heads times head size
 * @param maxCols columns of the widest activation of any kind but logits
 * @param vocabSize columns of the logits
 * @param numExperts experts of a layer, of which each row is routed to some; 0 for models without. Which they are hangs
 *     on differences of logits that rounding can turn round: where there are experts, backends keep operands as they are
 */
public record StepLimits(
        int maxRows,
        int maxOutputRows,
        int maxSlots,
        int maxContext,
        int maxHeads,
        int maxAttentionCols,
        int maxCols,
        int vocabSize,
        int numExperts) {
    public StepLimits {
        if (maxRows <= 0
                || maxOutputRows <= 0
                || maxOutputRows > maxRows
                || maxSlots <= 0
                || maxContext <= 0
                || maxHeads <= 0
                || maxAttentionCols <= 0
                || maxCols <= 0
                || vocabSize <= 0
                || numExperts < 0) {
            throw new IllegalArgumentException("step limits must be positive, and outputs at most rows");
        }
    }

    /** For a model without experts. */
    public StepLimits(
            int maxRows,
            int maxOutputRows,
            int maxSlots,
            int maxContext,
            int maxHeads,
            int maxAttentionCols,
            int maxCols,
            int vocabSize) {
        this(maxRows, maxOutputRows, maxSlots, maxContext, maxHeads, maxAttentionCols, maxCols, vocabSize, 0);
    }
}
