//! Compliance: what the audit log says is wrong, who looks after it, and how it was closed.
