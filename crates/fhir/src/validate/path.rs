//! Where the walk stands: a list on the call stack, spelled out only when there is an issue to place.

use std::fmt::{self, Write as _};

#[derive(Clone, Copy)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    name: &'p str,
    index: Option<usize>,
    /// The type of a choice element: `Observation.value.ofType(Quantity)`.
    of_type: &'p str,
    pub depth: usize,
}

impl<'p> Path<'p> {
    pub fn root(name: &'p str) -> Self {
        Self { parent: None, name, index: None, of_type: "", depth: 0 }
    }

    pub fn child(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), name, index: None, of_type: "", depth: self.depth + 1 }
    }

    pub fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    pub fn of_type(mut self, name: &'p str) -> Self {
        self.of_type = name;
        self
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
            f.write_char('.')?;
        }
        f.write_str(self.name)?;
        if !self.of_type.is_empty() {
            write!(f, ".ofType({})", self.of_type)?;
        }
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}
