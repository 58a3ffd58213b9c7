//! A short illness between the planned visits.

use super::drugs::{self, Med};
use super::terms::{Coding, icd, sct};

pub(super) struct Episode {
    pub(super) condition: [Coding; 2],
    pub(super) emergency: bool,
    pub(super) adult_only: bool,
    pub(super) med: Option<&'static Med>,
    pub(super) fever: f64,
    pub(super) days: i32,
    pub(super) told: &'static str,
    pub(super) judged: &'static str,
    pub(super) plan: &'static str,
}

pub(super) static EPISODES: [Episode; 6] = [
    Episode {
        condition: [
            sct("54150009", "Upper respiratory infection (disorder)"),
            icd("J06.9", "Acute upper respiratory infection, unspecified"),
        ],
        emergency: false,
        adult_only: false,
        med: None,
        fever: 0.7,
        days: 9,
        told: "{name} has had a sore throat, runny nose and cough for three days; no shortness of breath.",
        judged: "Viral upper respiratory infection; lungs clear, saturation {spo2} %.",
        plan: "Rest, fluids and honey; return if fever lasts beyond three days.",
    },
    Episode {
        condition: [
            sct("44465007", "Sprain of ankle (disorder)"),
            icd("S93.401A", "Sprain of unspecified ligament of right ankle, initial encounter"),
        ],
        emergency: true,
        adult_only: false,
        med: Some(&drugs::IBUPROFEN),
        fever: 0.0,
        days: 24,
        told: "{name} twisted the right ankle on uneven ground this afternoon and can bear some weight.",
        judged: "Ankle sprain; no bony tenderness, so no X-ray needed by the Ottawa rules.",
        plan: "Brace, ice and elevation; ibuprofen with food; weight bearing as tolerated.",
    },
    Episode {
        condition: [
            sct("75498004", "Acute bacterial sinusitis (disorder)"),
            icd("J01.90", "Acute sinusitis, unspecified"),
        ],
        emergency: false,
        adult_only: true,
        med: Some(&drugs::AMOXICILLIN),
        fever: 1.0,
        days: 12,
        told: "{name} has facial pressure and thick nasal discharge for eleven days, worse again since yesterday.",
        judged: "Acute bacterial sinusitis.",
        plan: "Amoxicillin for seven days; saline rinses; call if swelling around the eye.",
    },
    Episode {
        condition: [sct("279039007", "Low back pain (finding)"), icd("M54.50", "Low back pain, unspecified")],
        emergency: false,
        adult_only: true,
        med: None,
        fever: 0.0,
        days: 30,
        told: "{name} strained the lower back lifting boxes four days ago; no leg weakness or numbness.",
        judged: "Acute mechanical low back pain without red flags.",
        plan: "Stay active, heat and stretching; acetaminophen as needed.",
    },
    Episode {
        condition: [
            sct("65363002", "Otitis media (disorder)"),
            icd("H66.90", "Otitis media, unspecified, unspecified ear"),
        ],
        emergency: false,
        adult_only: false,
        med: None,
        fever: 1.4,
        days: 10,
        told: "{name} woke with ear pain and fever after a cold.",
        judged: "Acute otitis media, mild; watchful waiting agreed.",
        plan: "Pain relief for 48 hours; antibiotic only if no better.",
    },
    Episode {
        condition: [
            sct("25374005", "Gastroenteritis (disorder)"),
            icd("A09", "Infectious gastroenteritis and colitis, unspecified"),
        ],
        emergency: true,
        adult_only: false,
        med: None,
        fever: 0.9,
        days: 5,
        told: "{name} has vomited six times since last night with watery stools; keeps small sips down.",
        judged: "Acute gastroenteritis with mild dehydration, improved with oral fluids.",
        plan: "Oral rehydration; return for blood in the stool or no urine in eight hours.",
    },
];
