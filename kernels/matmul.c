// The three products of matmul.h are one blocked loop, `multiply`. It uses no BLAS: a BLAS chooses its kernel by shape,
// so a row alone and the same row among 64 get different bits: the policy that samples would not be the one trained.
#include "kernels/matmul.h"
#include "kernels/device/device_threads.h"
#include "kernels/tile_pack.h"
#include <string.h>

// One task computes a block of BLOCK_ROWS x BLOCK_COLS outputs, BLOCK_K of the inner dimension at a time: a packed
// panel (BLOCK_K x TILE_COLS) fits L1, the block of A and the packed block of B fit L2.
enum { BLOCK_ROWS = 16 * TILE_ROWS, BLOCK_COLS = 16 * TILE_COLS, BLOCK_K = 256 };

typedef struct Operand { // element (i, k) is data[i * step + k * k_step]
    const float *data;
    size_t step, k_step;
} Operand;

// Packs a block whose rows are not contiguous in k to (row tile, k, TILE_ROWS): one cache line per iteration.
static void pack_rows(float *packed, const float *a, size_t row_step, size_t k_step, int rows, int K) {
    for (int r0 = 0; r0 < rows; r0 += TILE_ROWS) {
        int tile = smaller(rows - r0, TILE_ROWS);
        float *to = packed + (size_t)r0 * K;
        for (int k = 0; k < K; k++)
            for (int r = 0; r < tile; r++) to[(size_t)k * TILE_ROWS + r] = a[(size_t)(r0 + r) * row_step + k * k_step];
    }
}

// One panel of outputs, rows x cols (cols <= TILE_COLS), at c. A panel of fewer columns goes through `edge`.
static void multiply_panel(float *c, size_t ldc, const float *a, size_t tile_step, size_t row_step, size_t k_step,
                           const float *panel, int rows, int cols, int K, bool load) {
    float edge[TILE_ROWS * TILE_COLS];
    for (int r0 = 0; r0 < rows; r0 += TILE_ROWS) {
        int tile = smaller(rows - r0, TILE_ROWS);
        const float *from = a + (size_t)(r0 / TILE_ROWS) * tile_step;
        float *to = c + (size_t)r0 * ldc;
        if (cols == TILE_COLS) {
            tile_multiply(tile, to, ldc, from, row_step, k_step, panel, K, load);
            continue;
        }
        for (int r = 0; load && r < tile; r++) memcpy(edge + r * TILE_COLS, to + (size_t)r * ldc, (size_t)cols * 4);
        tile_multiply(tile, edge, TILE_COLS, from, row_step, k_step, panel, K, load);
        for (int r = 0; r < tile; r++) memcpy(to + (size_t)r * ldc, edge + r * TILE_COLS, (size_t)cols * 4);
    }
}

static void multiply_block(float *c, size_t ldc, Operand a, Operand b, int rows, int cols, int K, bool load) {
    float panels[BLOCK_COLS * BLOCK_K] __attribute__((aligned(64)));
    float packed[BLOCK_ROWS * BLOCK_K] __attribute__((aligned(64)));
    for (int k0 = 0; k0 < K; k0 += BLOCK_K) {
        int depth = smaller(K - k0, BLOCK_K);
        const float *from = a.data + (size_t)k0 * a.k_step;
        size_t row_step = a.step, k_step = a.k_step, tile_step = a.step * TILE_ROWS;
        if (a.k_step != 1) {
            pack_rows(packed, from, a.step, a.k_step, rows, depth);
            from = packed, row_step = 1, k_step = TILE_ROWS, tile_step = (size_t)depth * TILE_ROWS;
        }
        for (int j0 = 0; j0 < cols; j0 += TILE_COLS) {
            int width = smaller(cols - j0, TILE_COLS);
            float *panel = panels + (size_t)j0 * depth;
            tile_pack(panel, b.data + (size_t)k0 * b.k_step + (size_t)j0 * b.step, b.k_step, b.step, depth, width);
            multiply_panel(c + j0, ldc, from, tile_step, row_step, k_step, panel, rows, width, depth, load || k0 > 0);
        }
    }
}

// How many blocks the columns are cut into: of at most BLOCK_COLS columns each and, if few, the same number per thread.
static int blocks_across(int down, int columns, int threads) {
    int across = (columns + BLOCK_COLS - 1) / BLOCK_COLS, panels = (columns + TILE_COLS - 1) / TILE_COLS;
    while (across < panels && across * down < 4 * threads && across * down % threads) across++;
    return across;
}

// C (M, columns) = A B, or += with `load`. The threads share the blocks; one thread computes all of a block.
static void multiply(Device *dev, float *c, Operand a, Operand b, int M, int columns, int K, bool load) {
    int down = (M + BLOCK_ROWS - 1) / BLOCK_ROWS, across = blocks_across(down, columns, dev->threads);
    int panels = (columns + TILE_COLS - 1) / TILE_COLS;
    PARALLEL(dev)
    for (int block = 0; block < across * down; block++) {
        int at = block % across, j0 = panels * at / across * TILE_COLS, end = panels * (at + 1) / across * TILE_COLS;
        int r0 = block / across * BLOCK_ROWS, rows = smaller(M - r0, BLOCK_ROWS), cols = smaller(end, columns) - j0;
        Operand a_block = {a.data + (size_t)r0 * a.step, a.step, a.k_step};
        Operand b_block = {b.data + (size_t)j0 * b.step, b.step, b.k_step};
        multiply_block(c + (size_t)r0 * columns + j0, (size_t)columns, a_block, b_block, rows, cols, K, load);
    }
}

void matmul_forward(Device *dev, floatX *y, const floatX *x, const floatX *w, const floatX *bias, int N, int C,
                    int OC) {
    for (int n = 0; bias && n < N; n++) memcpy(y + (size_t)n * OC, bias, (size_t)OC * sizeof *y);
    multiply(dev, y, (Operand){x, (size_t)C, 1}, (Operand){w, (size_t)C, 1}, N, OC, C, bias != NULL);
}

void matmul_logits(Device *dev, float *y, const floatX *x, const floatX *w, int N, int C, int OC) {
    matmul_forward(dev, y, x, w, NULL, N, C, OC);
}

void matmul_backward_input(Device *dev, floatX *dx, const floatX *dy, const floatX *w, int N, int C, int OC) {
    multiply(dev, dx, (Operand){dy, (size_t)OC, 1}, (Operand){w, 1, (size_t)C}, N, C, OC, false);
}

void matmul_backward_weight(Device *dev, float *dw, float *dbias, const floatX *dy, const floatX *x, int N, int C,
                            int OC) {
    multiply(dev, dw, (Operand){dy, 1, (size_t)OC}, (Operand){x, 1, (size_t)C}, OC, C, N, true);
    for (int n = 0; dbias && n < N; n++)
        for (int o = 0; o < OC; o++) dbias[o] += dy[(size_t)n * OC + o];
}
