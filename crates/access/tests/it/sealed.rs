//! Compile-fail proofs: nobody outside this crate builds or copies a permit or a scope.

#[test]
fn permits_and_scopes_cannot_be_forged() {
    trybuild::TestCases::new().compile_fail("tests/forgeries/*.rs");
}
