//! Resource types by number: the place in R4's alphabetical list, which is closed and so can be stored.

use access::TypeRef;

/// The audit log's records are read through the record's doors but are no rows of it.
pub const AUDIT_EVENT: &str = "AuditEvent";

/// The number and static name of a type; `None` if R4 has no such resource.
pub fn parse(name: &str) -> Option<TypeRef> {
    let names = fhir::structure::resource_types();
    let at = names.binary_search(&name).ok()?;
    Some(TypeRef { name: names[at], code: at as u16 })
}

pub fn name(code: u16) -> &'static str {
    fhir::structure::resource_types().get(usize::from(code)).copied().unwrap_or("Unknown")
}

pub fn reference(code: u16) -> TypeRef {
    TypeRef { name: name(code), code }
}
