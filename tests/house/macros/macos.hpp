// SPDX-License-Identifier: MIT
// AssertMacros.h with the names without underscores, objc.h, and what sits beside them.
#define check(assertion)
#define check_noerr(code)
#define check_noerr_string(code, message)
#define check_string(assertion, message)
#define ncheck(assertion)
#define debug_string(message)
#define verify(assertion) ((void)(assertion))
#define verify_noerr(code) ((void)(code))
#define verify_string(assertion, message) ((void)(assertion))
#define verify_action(assertion, action) ((void)(assertion))
#define require(assertion, label) ((void)(assertion))
#define require_action(assertion, label, action) ((void)(assertion))
#define require_noerr(code, label) ((void)(code))
#define require_quiet(assertion, label) ((void)(assertion))
#define require_string(assertion, label, message) ((void)(assertion))
#define nrequire(assertion, label) ((void)(assertion))
#define nverify(assertion) ((void)(assertion))
#define nil nullptr
#define Nil nullptr
#define YES true
#define NO false
#define TYPE_BOOL 1
#define PAGE_MASK 4095
