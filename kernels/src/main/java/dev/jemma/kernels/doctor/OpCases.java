package dev.jemma.kernels.doctor;

import static dev.jemma.kernels.RowSet.ALL;
import static dev.jemma.kernels.RowSet.OUTPUT;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.doctor.OpCase.Encoded;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** Every op of {@link dev.jemma.kernels.Commands}, with every weight type and head size. */
final class OpCases {
    /** Widths of activations: one that fills no vector or simdgroup evenly, and one that groups of weights divide. */
    static final int RAGGED = 83;

    static final int COLS = 256;
    static final int VOCAB = 1000;
    static final int NUM_HEADS = 4;
    static final int NUM_KV_HEADS = 2;

    /** Rows of a cache slot; full layers see all positions of {@link OpSuite}'s steps in it. */
    static final int CAPACITY = 96;

    /** Keys that a sliding layer sees; its ring has room for the longest span too. */
    static final int WINDOW = 9;

    private static final float EPS = 1e-6f;

    private OpCases() {}

    static List<OpCase> all() {
        List<OpCase> cases = new ArrayList<>();
        addRowOps(cases);
        addWeightOps(cases);
        addAttention(cases);
        addExperts(cases);
        addResults(cases);
        addFused(cases);
        return cases;
    }

    private static void addRowOps(List<OpCase> cases) {
        cases.add(new OpCase("tokens", OpCase.EXACT, in -> {
            Tensor ids = in.ids(ALL, 1);
            Tensor sampled = in.idsBelow(OUTPUT, 1, VOCAB);
            return new Encoded(c -> c.tokens(ids, sampled), ids);
        }));
        cases.add(new OpCase("rotations", OpCase.SUMS, in -> {
            Tensor out = in.tensor(64);
            Rope rope = new Rope(in.frequencies(64));
            return new Encoded(c -> c.rotations(out, rope), out);
        }));
        cases.add(new OpCase("copy", OpCase.EXACT, in -> {
            Tensor x = in.tensor(RAGGED);
            Tensor out = in.tensor(OUTPUT, RAGGED);
            return new Encoded(c -> c.copy(out, x), out);
        }));
        cases.add(onTwo("add", (in, a, b) -> new Encoded(c -> c.add(a, a, b, 0.5f), a)));
        cases.add(onTwo("scale", (in, a, b) -> new Encoded(c -> c.scale(a, -1.5f), a)));
        cases.add(onTwo("geglu", (in, a, b) -> new Encoded(c -> c.geglu(b, a, b), b)));
        cases.add(onTwo("softcap", (in, a, b) -> new Encoded(c -> c.softcap(a, 0.7f), a)));
        cases.add(onTwo("rmsNorm", (in, a, b) -> {
            Norm norm = new Norm(RAGGED, EPS, in.factors(RAGGED));
            return new Encoded(c -> c.rmsNorm(b, a, norm), b);
        }));
        cases.add(new OpCase("rmsNorm of heads", OpCase.SUMS, in -> {
            Tensor x = in.tensor(COLS);
            return new Encoded(c -> c.rmsNorm(x, x, new Norm(64, EPS, null)), x);
        }));
    }

    private interface OnTwo {
        Encoded encode(OpInputs in, Tensor a, Tensor b);
    }

    private static OpCase onTwo(String name, OnTwo op) {
        return new OpCase(name, OpCase.SUMS, in -> op.encode(in, in.tensor(RAGGED), in.tensor(RAGGED)));
    }

    /** A matrix of given rows and columns, by the name of its type. */
    private interface WeightType {
        Weight draw(OpInputs in, int rows, int cols);
    }

    private static Map<String, WeightType> weightTypes() {
        Map<String, WeightType> types = new TreeMap<>();
        for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16)) {
            types.put(dtype.name(), (in, rows, cols) -> in.dense(dtype, rows, cols));
        }
        for (int bits : new int[] {4, 8}) {
            for (int group : new int[] {32, 64, 128}) {
                types.put(
                        "affine " + bits + "-bit by " + group, (in, rows, cols) -> in.affine(bits, group, rows, cols));
            }
        }
        return types;
    }

    private static void addWeightOps(List<OpCase> cases) {
        weightTypes().forEach((name, type) -> {
            cases.add(new OpCase("embed " + name, OpCase.SUMS, in -> {
                Tensor out = in.tensor(COLS);
                Tensor ids = in.idsBelow(ALL, 1, 50);
                Weight table = type.draw(in, 50, COLS);
                return new Encoded(c -> c.embed(out, ids, table, 16f), out);
            }));
            cases.add(new OpCase("matmul " + name, OpCase.SUMS, in -> {
                Tensor x = in.tensor(COLS);
                Tensor out = in.tensor(RAGGED);
                Weight w = type.draw(in, RAGGED, COLS);
                return new Encoded(c -> c.matmul(out, x, w), out);
            }));
            cases.add(new OpCase("logits " + name, OpCase.SUMS, in -> {
                Tensor x = in.tensor(OUTPUT, COLS);
                Tensor out = in.tensor(OUTPUT, RAGGED);
                Weight w = type.draw(in, RAGGED, COLS);
                return new Encoded(c -> c.logits(out, x, w, 30), out);
            }));
            cases.add(new OpCase("gatedMatmul " + name, OpCase.SUMS, in -> {
                Tensor x = in.tensor(COLS);
                Tensor out = in.tensor(RAGGED);
                Tensor up = in.tensor(RAGGED);
                Weight gate = type.draw(in, RAGGED, COLS);
                return new Encoded(c -> c.gatedMatmul(out, x, gate, up), out);
            }));
            cases.add(new OpCase("gateUpGeglu " + name, OpCase.SUMS, in -> {
                Tensor x = in.tensor(COLS);
                Tensor out = in.tensor(RAGGED);
                Tensor scratch = in.tensor(RAGGED);
                Weight gate = type.draw(in, RAGGED, COLS);
                Weight up = type.draw(in, RAGGED, COLS);
                return new Encoded(c -> c.gateUpGeglu(out, x, gate, up, scratch), out);
            }));
        });
    }

    private static void addAttention(List<OpCase> cases) {
        for (int headDim : new int[] {64, 128, 256, 512}) {
            cases.add(new OpCase("attention " + headDim, OpCase.THROUGH_CACHE, in -> attention(in, headDim, 0, 0)));
            cases.add(new OpCase(
                    "attention " + headDim + ", sliding",
                    OpCase.THROUGH_CACHE,
                    in -> attention(in, headDim, WINDOW, 0)));
            cases.add(new OpCase(
                    "headNormRopeStore " + headDim, OpCase.THROUGH_CACHE, in -> storeThenAttend(in, headDim)));
        }
        cases.add(new OpCase("attention, softcap", OpCase.THROUGH_CACHE, in -> attention(in, 64, 0, 2f)));
        cases.add(new OpCase("rope", OpCase.SUMS, in -> {
            Tensor x = in.tensor(COLS);
            Tensor rotations = in.tensor(64);
            return new Encoded(c -> c.rope(x, rotations), x);
        }));
        cases.add(new OpCase("headNormRope", OpCase.SUMS, in -> {
            Tensor x = in.tensor(COLS);
            Tensor rotations = in.tensor(64);
            HeadNorms norms = new HeadNorms(new Norm(64, EPS, in.factors(64)), null, null);
            return new Encoded(c -> c.headNormRope(x, norms, rotations), x);
        }));
        cases.add(new OpCase("copySlot", OpCase.THROUGH_CACHE, in -> {
            KvView kv = in.cache(OpSuite.SLOTS, NUM_KV_HEADS, 64, CAPACITY, 0);
            Tensor q = in.tensor(NUM_HEADS * 64);
            Tensor out = in.tensor(NUM_HEADS * 64);
            return new Encoded(
                    c -> {
                        c.copySlot(kv, OpSuite.SPARE_SLOT, 0, 5);
                        c.attention(out, q, kv, 0.125f, 0f);
                    },
                    out);
        }));
    }

    private static int capacity(int window) {
        return window == 0 ? CAPACITY : window + OpSuite.MAX_ROWS;
    }

    private static Encoded attention(OpInputs in, int headDim, int window, float softcap) {
        KvView kv = in.cache(OpSuite.SLOTS, NUM_KV_HEADS, headDim, capacity(window), window);
        Tensor q = in.tensor(NUM_HEADS * headDim);
        Tensor k = in.tensor(NUM_KV_HEADS * headDim);
        Tensor v = in.tensor(NUM_KV_HEADS * headDim);
        Tensor out = in.tensor(NUM_HEADS * headDim);
        float scale = (float) (1 / Math.sqrt(headDim));
        return new Encoded(
                c -> {
                    c.storeKv(kv, k, v);
                    c.attention(out, q, kv, scale, softcap);
                },
                out);
    }

    private static Encoded storeThenAttend(OpInputs in, int headDim) {
        KvView kv = in.cache(OpSuite.SLOTS, NUM_KV_HEADS, headDim, capacity(WINDOW), WINDOW);
        Qkv qkv = new Qkv(
                in.tensor(NUM_HEADS * headDim),
                in.tensor(NUM_KV_HEADS * headDim),
                in.tensor(NUM_KV_HEADS * headDim),
                false);
        HeadNorms norms = new HeadNorms(
                new Norm(headDim, EPS, in.factors(headDim)),
                new Norm(headDim, EPS, in.factors(headDim)),
                new Norm(headDim, EPS, null));
        Tensor rotations = in.tensor(headDim);
        Rope rope = new Rope(in.frequencies(headDim));
        Tensor out = in.tensor(NUM_HEADS * headDim);
        return new Encoded(
                c -> {
                    c.rotations(rotations, rope);
                    c.headNormRopeStore(qkv, norms, rotations, kv);
                    c.attention(out, qkv.q(), kv, (float) (1 / Math.sqrt(headDim)), 0f);
                },
                out);
    }

    private static void addExperts(List<OpCase> cases) {
        int experts = 8;
        int topK = 3;
        cases.add(new OpCase("route", OpCase.SUMS, in -> {
            Routing routing = new Routing(in.ids(ALL, topK), in.tensor(topK));
            Tensor logits = in.tensor(experts);
            var scales = in.factors(experts);
            return new Encoded(c -> c.route(routing, logits, scales), routing.ids(), routing.weights());
        }));
        weightTypes().forEach((name, type) -> {
            cases.add(new OpCase("expertGeglu " + name, OpCase.SUMS, in -> {
                Routing routing = new Routing(in.idsBelow(ALL, topK, experts), in.tensor(topK));
                Weight stack = type.draw(in, experts * 64, COLS);
                ExpertWeight gate = new ExpertWeight(stack, experts, 64, 0, 32);
                ExpertWeight up = new ExpertWeight(stack, experts, 64, 32, 32);
                Tensor x = in.tensor(COLS);
                Tensor out = in.tensor(topK * 32);
                return new Encoded(c -> c.expertGeglu(out, x, gate, up, routing), out);
            }));
            cases.add(new OpCase("expertDown " + name, OpCase.SUMS, in -> {
                Routing routing = new Routing(in.idsBelow(ALL, topK, experts), in.tensor(topK));
                ExpertWeight down = new ExpertWeight(type.draw(in, experts * 40, 128), experts, 40, 0, 40);
                Tensor h = in.tensor(topK * 128);
                Tensor out = in.tensor(40);
                return new Encoded(c -> c.expertDown(out, h, down, routing), out);
            }));
        });
    }

    private static void addResults(List<OpCase> cases) {
        cases.add(new OpCase("argmax", OpCase.EXACT, in -> {
            Tensor ids = in.ids(OUTPUT, 1);
            Tensor logits = in.tensor(OUTPUT, VOCAB);
            return new Encoded(c -> c.argmax(ids, logits), ids);
        }));
        cases.add(new OpCase("topK", OpCase.EXACT, in -> {
            Tensor ids = in.ids(OUTPUT, 40);
            Tensor values = in.tensor(OUTPUT, 40);
            Tensor logits = in.tensor(OUTPUT, VOCAB);
            return new Encoded(c -> c.topK(ids, values, logits), ids, values);
        }));
        cases.add(new OpCase("suppress", OpCase.EXACT, in -> {
            Tensor ids = in.ids(OUTPUT, 40);
            Tensor values = in.tensor(OUTPUT, 40);
            Tensor logits = in.tensor(OUTPUT, VOCAB);
            var suppressed = in.intsBelow(300, VOCAB);
            return new Encoded(
                    c -> {
                        c.suppress(logits, suppressed, 300);
                        c.topK(ids, values, logits);
                    },
                    ids,
                    values);
        }));
    }

    private static void addFused(List<OpCase> cases) {
        Function<OpInputs, Encoded> projections = in -> {
            Tensor x = in.tensor(COLS);
            Qkv out = new Qkv(in.tensor(128), in.tensor(64), in.tensor(64), false);
            QkvWeight w = new QkvWeight(
                    in.dense(DType.BF16, 128, COLS), in.dense(DType.BF16, 64, COLS), in.dense(DType.BF16, 64, COLS));
            return new Encoded(c -> c.projectQkv(out, x, w), out.q(), out.k(), out.v());
        };
        cases.add(new OpCase("projectQkv", OpCase.SUMS, projections));
        cases.add(onTwo("addNorm", (in, x, y) -> {
            Norm norm = new Norm(RAGGED, EPS, in.factors(RAGGED));
            return new Encoded(c -> c.addNorm(x, y, norm, 0.5f), x);
        }));
        cases.add(onTwo("addNormNorm", (in, x, y) -> {
            Tensor out = in.tensor(RAGGED);
            Norm post = new Norm(RAGGED, EPS, in.factors(RAGGED));
            Norm pre = new Norm(RAGGED, EPS, in.factors(RAGGED));
            return new Encoded(c -> c.addNormNorm(out, x, y, post, 1f, pre), x, out);
        }));
    }
}
