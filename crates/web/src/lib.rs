//! HTTP for people: pages that work without a script, and few small scripts where the platform needs one.
