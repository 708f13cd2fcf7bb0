// Optional (study).
#include "dev/study/study.h"
void measure_entropy(Study *s) { (void)s; }
