//! Identity: people and programs, how they prove who they are, their sessions and devices; a [`access::Caller`] comes out.
