// Optional (math answers from data sets): rational arithmetic on tree nodes; see exact.h.
#include "verify/exact.h"

#include <stdlib.h>
#include <string.h>

bool exact_spend(Exact *exact, int64_t cost) {
    if (exact->fuel >= 0) exact->fuel -= cost;
    return exact->fuel >= 0;
}

static int64_t size_of(const Node *a) { return llabs((long long)a->num_size) + a->den_size; }
static int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }

// Fuel is about a nanosecond. Both fits are of GMP 6.2 on one core of a server, 50 to 25,600 limbs: a product takes 41
// to 226 a limb, a greatest common divisor 255 to 5,600.
static int64_t product_cost(int64_t x, int64_t y) {
    int64_t small = least(x, y), per_limb = 20 * (63 - __builtin_clzll((uint64_t)small | 1)) - 80;
    return (x + y) * (small < 8 ? 2 * small + 1 : per_limb > 40 ? per_limb : 40);
}

int64_t exact_gcd_cost(int64_t x, int64_t y) {
    int64_t small = least(x, y), root = 1;
    while (root * root < small) root++;
    return small < 2 ? x + y : small * 40 * root + x + y;
}

// Sums and products of fractions bring them to lowest terms: a gcd for each denominator that is not 1.
static int64_t reduction_cost(int64_t numerator, const Node *denominator) {
    return node_is_integer(denominator) ? 0 : exact_gcd_cost(numerator, denominator->den_size);
}

static const Node *finish(Exact *exact, mpq_t q) {
    bool fits = mpz_sizeinbase(mpq_numref(q), 2) <= EXACT_BITS && mpz_sizeinbase(mpq_denref(q), 2) <= EXACT_BITS;
    const Node *n = fits ? node_rational(exact->pool, q) : NULL;
    mpq_clear(q);
    return n;
}

static void view(mpq_t out, const Node *a) { // mpq that borrows the limbs of a
    node_num(mpq_numref(out), a);
    node_den(mpq_denref(out), a);
}

static bool power_of_ten(Exact *exact, mpz_t out, int64_t exponent) {
    if (exponent > EXACT_BITS * 3 / 10 || !exact_spend(exact, product_cost(exponent / 19, exponent / 19))) return false;
    mpz_ui_pow_ui(out, 10, (unsigned long)exponent);
    return true;
}

const Node *exact_literal(Exact *exact, const char *digits, size_t len, int64_t exponent, size_t repeat) {
    if (len > LITERAL_DIGITS || exponent > EXACT_BITS || exponent < -EXACT_BITS) return NULL;
    int64_t limbs = (int64_t)len / 19, cost = (int64_t)len * (int64_t)(len / 400 + 1);
    if (!exact_spend(exact, cost + (exponent ? exact_gcd_cost(limbs, limbs) : 0))) return NULL;
    char *plain = pool_alloc(exact->pool, len + 1);
    if (!plain) return NULL;
    size_t kept = 0;
    for (size_t i = 0, point = 0; i < len; i++) {
        if (digits[i] == '.') point = 1;
        else plain[kept++] = digits[i], exponent -= (int64_t)point;
    }
    plain[kept] = 0;
    mpq_t q;
    mpq_init(q);
    mpz_t ten;
    mpz_init(ten);
    mpz_set_str(mpq_numref(q), kept ? plain : "0", 10);
    bool ok = true;
    if (repeat && repeat <= kept) { // 0.1(6) = (16 - 1) / (9 * 10)
        plain[kept - repeat] = 0;
        mpz_set_str(ten, kept > repeat ? plain : "0", 10);
        mpz_sub(mpq_numref(q), mpq_numref(q), ten);
        mpz_ui_pow_ui(mpq_denref(q), 10, repeat);
        mpz_sub_ui(mpq_denref(q), mpq_denref(q), 1);
        exponent += (int64_t)repeat;
    }
    if (exponent) {
        ok = power_of_ten(exact, ten, llabs((long long)exponent));
        if (ok && exponent > 0) mpz_mul(mpq_numref(q), mpq_numref(q), ten);
        if (ok && exponent < 0) mpz_mul(mpq_denref(q), mpq_denref(q), ten);
    }
    mpz_clear(ten);
    if (ok) mpq_canonicalize(q);
    if (ok) return finish(exact, q);
    mpq_clear(q);
    return NULL;
}

static const Node *combined(Exact *exact, const Node *a, const Node *b, int64_t reduction,
                            void (*op)(mpq_t, const mpq_t, const mpq_t)) {
    int64_t cost = product_cost(size_of(a), size_of(b)) + reduction;
    if ((size_of(a) + size_of(b)) * 64 > 4 * EXACT_BITS || !exact_spend(exact, cost)) return NULL;
    mpq_t x, y, result;
    view(x, a);
    view(y, b);
    mpq_init(result);
    op(result, x, y);
    return finish(exact, result);
}

const Node *exact_add(Exact *exact, const Node *a, const Node *b) {
    if (!a || !b) return NULL;
    return combined(exact, a, b, node_is_integer(a) ? 0 : 2 * reduction_cost(a->den_size, b), mpq_add);
}

const Node *exact_mul(Exact *exact, const Node *a, const Node *b) {
    if (!a || !b) return NULL;
    return combined(exact, a, b, reduction_cost(size_of(a), b) + reduction_cost(size_of(b), a), mpq_mul);
}

const Node *exact_scale(Exact *exact, const Node *a, int64_t num, int64_t den, int ten) {
    mpq_t factor;
    mpz_t power;
    mpq_init(factor);
    mpz_init(power);
    mpq_set_si(factor, num, (unsigned long)den);
    mpz_ui_pow_ui(power, 10, (unsigned long)abs(ten));
    mpz_ptr side = ten < 0 ? mpq_denref(factor) : mpq_numref(factor);
    mpz_mul(side, side, power);
    mpq_canonicalize(factor);
    mpz_clear(power);
    const Node *f = node_rational(exact->pool, factor);
    mpq_clear(factor);
    return node_is(f, N_RAT) ? exact_mul(exact, a, f) : NULL;
}

enum { EXACT_POWER_COST = 1000000 }; // fuel; half of all there is for one answer

// Squarings to `limbs` limbs cost about half a product of that size; powers of two are shifts.
static int64_t power_cost(const Node *base, int64_t limbs) {
    bool one_limb = node_is_integer(base) && abs(base->num_size) == 1;
    return one_limb && !(base->num[0] & (base->num[0] - 1)) ? limbs : product_cost(limbs, limbs) / 4;
}

// base^e for an integer e of any size; only 0, 1 and -1 survive a huge one.
static const Node *integer_power(Exact *exact, const Node *base, const Node *exponent) {
    int64_t e;
    bool odd = exponent->num_size && (exponent->num[0] & 1);
    if (node_is_int(base, 1)) return base;
    if (node_is_int(base, -1)) return odd ? base : node_integer(exact->pool, 1);
    if (!node_sign(base)) return node_sign(exponent) > 0 ? base : node_undef();
    if (!node_sign(exponent)) return node_integer(exact->pool, 1);
    if (!node_fits(exponent, &e)) return NULL;
    uint64_t n = (uint64_t)llabs((long long)e);
    mpq_t x, power;
    view(x, base);
    size_t bits = mpz_sizeinbase(mpq_numref(x), 2), den_bits = mpz_sizeinbase(mpq_denref(x), 2);
    if (den_bits > bits) bits = den_bits;
    if (n > EXACT_BITS || bits * n > EXACT_BITS + bits) return NULL;
    int64_t cost = power_cost(base, (int64_t)(bits * n / 64)); // else a power: 9^{500000} = 3^{1000000} without digits
    if (cost > EXACT_POWER_COST || !exact_spend(exact, cost)) return NULL;
    mpq_init(power); // a power of a fraction in lowest terms is in lowest terms
    mpz_pow_ui(mpq_numref(power), mpq_numref(x), n);
    mpz_pow_ui(mpq_denref(power), mpq_denref(x), n);
    if (e < 0) mpq_inv(power, power);
    return finish(exact, power);
}

const Node *exact_pow(Exact *exact, const Node *base, const Node *exponent) {
    if (!base || !exponent) return NULL;
    if (node_is_integer(exponent)) return integer_power(exact, base, exponent);
    if (exponent->den_size != 1 || exponent->den[0] > 1000) return NULL;
    unsigned long n = exponent->den[0];
    if (!node_sign(base)) return node_sign(exponent) > 0 ? base : node_undef();
    if (node_sign(base) < 0 && n % 2 == 0) return NULL;
    if (!exact_spend(exact, 4 * product_cost(size_of(base), size_of(base)))) return NULL;
    mpq_t x, root;
    view(x, base);
    mpq_init(root);
    bool perfect = mpz_root(mpq_numref(root), mpq_numref(x), n) && mpz_root(mpq_denref(root), mpq_denref(x), n);
    const Node *r = perfect ? node_rational(exact->pool, root) : NULL;
    mpz_t p;
    mpq_set_z(root, node_num(p, exponent));
    const Node *e = perfect ? node_rational(exact->pool, root) : NULL;
    mpq_clear(root);
    return r && node_is(r, N_RAT) && node_is(e, N_RAT) ? integer_power(exact, r, e) : NULL;
}

int exact_compare(const Node *a, const Node *b) {
    mpq_t x, y;
    view(x, a);
    view(y, b);
    return mpq_cmp(x, y);
}

bool exact_congruent(const Node *a, const Node *b, const Node *modulus) {
    mpz_t x, y, m;
    return node_sign(modulus) && mpz_congruent_p(node_num(x, a), node_num(y, b), node_num(m, modulus));
}
