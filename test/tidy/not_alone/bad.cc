// Built by a test that expects it to fail: the header needs another before it.
#include "bad.h"
