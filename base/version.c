// Optional (run.json): which version of the sources this program was built from. The Makefile writes build/version.h.
#include "build/version.h"

extern const char build_version[];
const char build_version[] = VERSION;
