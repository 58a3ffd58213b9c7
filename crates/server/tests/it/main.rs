//! The server through its doors.
