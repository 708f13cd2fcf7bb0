// Optional (math answers from data sets): the words and symbols after a number.
//
//   "3 hours" = "180 minutes"   "2 km" = "2000 m"   "75 cents" = "$0.75"   "30 miles per hour"   "15 cm^2"   "9 values"
//
// A known unit is a product of powers of base dimensions with an exact rational factor, so conversion is exact. An
// unknown noun is kept as a label: equal labels agree, different ones do not.
// Dimensions: length (m), mass (g), time (s), money (dollar), current (A), temperature (K), amount (mol), data (byte).
#ifndef VERIFY_UNITS_H
#define VERIFY_UNITS_H
#include "verify/tree.h"

#include <stdbool.h>

// Reads all of text ("square feet", "km/h", "cm^2", "m / s^2", "right triangles") into *unit. roman: the text was in
// \text{} or \mathrm{}, where a single letter may be a unit. *scale gets the factor of "million" and the like, else 1.
// Labels point into text. False when it is no unit, in particular for hedges ("or maybe 6").
bool unit_parse(const char *text, size_t len, bool roman, Unit *unit, int64_t *scale);

// A word of two letters or more that is a known unit, percent or scale word.
bool unit_word(const char *word, size_t len);

Unit unit_dollar(void);
Unit unit_degree(void);
Unit unit_percent(void);
Unit unit_label(const char *label);
bool unit_same_dimension(const Unit *a, const Unit *b);

#endif
