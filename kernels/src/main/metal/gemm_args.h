// Arguments of products of many rows.
struct GemmArgs {
    int outs;
    int cols;
    int rows;
    int x_stride;
    int out_stride;
    int group_shift;
    int x_aligned;
    int w_aligned;
};
