//! JSON written straight into bytes. Resources go in as they are.

use fhir::json::write_string;

/// Puts the commas itself: a value needs one unless it is the first or follows its name.
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub fn object(&mut self, fill: impl FnOnce(&mut Self)) {
        self.begin(b'{');
        fill(self);
        self.0.push(b'}');
    }

    pub fn array(&mut self, fill: impl FnOnce(&mut Self)) {
        self.begin(b'[');
        fill(self);
        self.0.push(b']');
    }

    /// The value follows.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.comma();
        write_string(name, &mut self.0);
        self.0.push(b':');
        self
    }

    pub fn text(&mut self, text: &str) {
        self.comma();
        write_string(text, &mut self.0);
    }

    /// A text made of pieces.
    pub fn joined(&mut self, pieces: &[&str]) {
        self.comma();
        write_string(&pieces.concat(), &mut self.0);
    }

    pub fn member(&mut self, name: &str, text: &str) {
        self.name(name).text(text);
    }

    pub fn bool(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    /// A value that is JSON already.
    pub fn raw(&mut self, json: &[u8]) {
        self.comma();
        self.0.extend_from_slice(json);
    }

    fn begin(&mut self, bracket: u8) {
        self.comma();
        self.0.push(bracket);
    }

    /// Outside strings, which end in a quote, these bytes are only ever structure.
    fn comma(&mut self) {
        if !matches!(self.0.last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_between_values_only() {
        let mut json = Writer::with_capacity(0);
        json.object(|json| {
            json.member("a", "x:");
            json.name("b").array(|json| {
                json.text("{");
                json.raw(b"1");
                json.object(|_| ());
                json.bool(true);
            });
            json.name("c").array(|_| ());
            json.name("d").joined(&["\"", "y"]);
        });
        assert_eq!(json.into_bytes(), br#"{"a":"x:","b":["{",1,{},true],"c":[],"d":"\"y"}"#);
    }
}
