//! What may be chosen, with the words of the form. Each is of the value set that US Core 6.1.0 binds, or of R4's.

use super::Choices;

/// AdministrativeGender (R4).
pub const GENDERS: Choices = &[("female", "Female"), ("male", "Male"), ("other", "Other"), ("unknown", "Not known")];
/// US Core birthsex.
pub const SEXES: Choices =
    &[("F", "Female"), ("M", "Male"), ("OTH", "Other"), ("ASKU", "Asked, not said"), ("UNK", "Not known")];
/// VSAC 2.16.840.1.113762.1.4.1021.32: SNOMED CT, and null flavors in capitals.
pub const IDENTITIES: Choices = &[
    ("446141000124107", "Female"),
    ("446151000124109", "Male"),
    ("407377005", "Transgender man"),
    ("407376001", "Transgender woman"),
    ("446131000124102", "Nonbinary"),
    ("OTH", "Another"),
    ("ASKU", "Asked, not said"),
];
/// LOINC answer list LL5144-2.
pub const PRONOUNS: Choices =
    &[("LA29519-8", "she, her"), ("LA29518-0", "he, him"), ("LA29520-6", "they, them"), ("OTH", "Others")];
/// OMB categories (CDC Race and Ethnicity), and null flavors.
pub const RACES: Choices = &[
    ("1002-5", "American Indian or Alaska Native"),
    ("2028-9", "Asian"),
    ("2054-5", "Black or African American"),
    ("2076-8", "Native Hawaiian or Other Pacific Islander"),
    ("2106-3", "White"),
    ("ASKU", "Asked, not said"),
    ("UNK", "Not known"),
];
pub const ETHNICITIES: Choices = &[
    ("2135-2", "Hispanic or Latino"),
    ("2186-5", "Not Hispanic or Latino"),
    ("ASKU", "Asked, not said"),
    ("UNK", "Not known"),
];
pub const YES: Choices = &[("true", "Yes"), ("false", "No")];
/// HL7 v3 MaritalStatus.
pub const MARITAL: Choices = &[
    ("S", "Never Married"),
    ("M", "Married"),
    ("T", "Domestic partner"),
    ("D", "Divorced"),
    ("L", "Legally Separated"),
    ("W", "Widowed"),
    ("UNK", "Not known"),
];
/// HL7 v3 RoleCode, personal relationships.
pub const RELATIONS: Choices = &[
    ("SPS", "Spouse"),
    ("DOMPART", "Domestic partner"),
    ("PRN", "Parent"),
    ("CHILD", "Child"),
    ("SIB", "Sibling"),
    ("GRPRN", "Grandparent"),
    ("GUARD", "Guardian"),
    ("FAMMEMB", "Another relative"),
    ("FRND", "Friend"),
    ("NBOR", "Neighbor"),
];
/// Subscriber relationship (R4).
pub const RELATIONSHIPS: Choices = &[
    ("self", "The policy holder"),
    ("spouse", "Spouse of the policy holder"),
    ("child", "Child of the policy holder"),
    ("parent", "Parent of the policy holder"),
    ("other", "Otherwise insured"),
];
/// BCP 47: the languages most spoken at home in the United States (American Community Survey), by name.
pub const LANGUAGES: Choices = &[
    ("en", "English"),
    ("es", "Spanish"),
    ("am", "Amharic"),
    ("ar", "Arabic"),
    ("hy", "Armenian"),
    ("bn", "Bengali"),
    ("my", "Burmese"),
    ("yue", "Cantonese"),
    ("zh", "Chinese (Mandarin)"),
    ("nl", "Dutch"),
    ("fa", "Farsi"),
    ("fr", "French"),
    ("de", "German"),
    ("el", "Greek"),
    ("gu", "Gujarati"),
    ("ht", "Haitian Creole"),
    ("he", "Hebrew"),
    ("hi", "Hindi"),
    ("hmn", "Hmong"),
    ("ilo", "Ilocano"),
    ("it", "Italian"),
    ("ja", "Japanese"),
    ("kar", "Karen"),
    ("km", "Khmer"),
    ("ko", "Korean"),
    ("lo", "Lao"),
    ("nv", "Navajo"),
    ("ne", "Nepali"),
    ("om", "Oromo"),
    ("ps", "Pashto"),
    ("pl", "Polish"),
    ("pt", "Portuguese"),
    ("pa", "Punjabi"),
    ("ro", "Romanian"),
    ("ru", "Russian"),
    ("sm", "Samoan"),
    ("sr", "Serbian"),
    ("ase", "Sign language (American)"),
    ("so", "Somali"),
    ("sw", "Swahili"),
    ("tl", "Tagalog"),
    ("ta", "Tamil"),
    ("te", "Telugu"),
    ("th", "Thai"),
    ("ti", "Tigrinya"),
    ("uk", "Ukrainian"),
    ("ur", "Urdu"),
    ("vi", "Vietnamese"),
    ("yi", "Yiddish"),
    ("yo", "Yoruba"),
];
/// USPS: states, the District and territories.
pub const STATES: Choices = &[
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AS", "American Samoa"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "District of Columbia"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("GU", "Guam"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("MP", "Northern Mariana Islands"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("PR", "Puerto Rico"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("VI", "U.S. Virgin Islands"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
];

/// The words of a choice; a code that the form does not offer, as it is.
pub fn said(choices: Choices, code: &str) -> String {
    choices.iter().find(|(held, _)| *held == code).map_or(code, |(_, words)| words).to_owned()
}
