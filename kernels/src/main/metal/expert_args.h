// Arguments of experts' products of many rows: where the rows of an expert lie in a stack.
#include "gemm_args.h"

struct ExpertGemmArgs {
    GemmArgs gemm;
    int top_k;
    int row_stride;
    int first_row;
    int up_row_stride;
    int up_first_row;
};
