package dev.jemma.kernels.contract;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.KernelChoice;
import org.junit.jupiter.api.Nested;

/** The whole contract: a backend's test extends this and opens its device. */
public abstract class CommandsContract {
    /** A fresh device for each group of tests, which close it. */
    protected abstract Device open();

    /** How exactly the backend computes. */
    protected Arithmetic arithmetic() {
        return Arithmetic.F32;
    }

    /** Which of the backend's kernels are tested. */
    protected KernelChoice choice() {
        return KernelChoice.FASTEST;
    }

    @Nested
    class Streams extends StreamContract {
        @Override
        protected Device open() {
            return CommandsContract.this.open();
        }

        @Override
        protected Arithmetic arithmetic() {
            return CommandsContract.this.arithmetic();
        }

        @Override
        protected KernelChoice choice() {
            return CommandsContract.this.choice();
        }
    }

    @Nested
    class RowOps extends RowOpsContract {
        @Override
        protected Device open() {
            return CommandsContract.this.open();
        }

        @Override
        protected Arithmetic arithmetic() {
            return CommandsContract.this.arithmetic();
        }

        @Override
        protected KernelChoice choice() {
            return CommandsContract.this.choice();
        }
    }

    @Nested
    class AddNorm extends AddNormContract {
        @Override
        protected Device open() {
            return CommandsContract.this.open();
        }

        @Override
        protected Arithmetic arithmetic() {
            return CommandsContract.this.arithmetic();
        }

        @Override
        protected KernelChoice choice() {
            return CommandsContract.this.choice();
        }
    }

    @Nested
    class Matmul extends MatmulContract {
        @Override
        protected Device open() {
            return CommandsContract.this.open();
        }

        @Override
        protected Arithmetic arithmetic() {
            return CommandsContract.this.arithmetic();
        }

        @Override
        protected KernelChoice choice() {
            return CommandsContract.this.choice();
        }
    }

    @Nested
    class Attention extends AttentionContract {
        @Override
        protected Device open() {
            return CommandsContract.this.open();
        }

        @Override
        protected Arithmetic arithmetic() {
            return CommandsContract.this.arithmetic();
        }

        @Override
        protected KernelChoice choice() {
            return CommandsContract.this.choice();
        }
    }

    @Nested
    class Cache extends CacheContract {
        @Override
        protected Device open() {
            return CommandsContract.this.open();
        }

        @Override
        protected Arithmetic arithmetic() {
            return CommandsContract.this.arithmetic();
        }

        @Override
        protected KernelChoice choice() {
            return CommandsContract.this.choice();
        }
    }

    @Nested
    class Experts extends ExpertContract {
        @Override
        protected Device open() {
            return CommandsContract.this.open();
        }

        @Override
        protected Arithmetic arithmetic() {
            return CommandsContract.this.arithmetic();
        }

        @Override
        protected KernelChoice choice() {
            return CommandsContract.this.choice();
        }
    }

    @Nested
    class Results extends ResultContract {
        @Override
        protected Device open() {
            return CommandsContract.this.open();
        }

        @Override
        protected Arithmetic arithmetic() {
            return CommandsContract.this.arithmetic();
        }

        @Override
        protected KernelChoice choice() {
            return CommandsContract.this.choice();
        }
    }
}
