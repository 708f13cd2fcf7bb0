// Optional (study).
#include "dev/study/study.h"
void measure_attenuation(Study *s) { (void)s; }
