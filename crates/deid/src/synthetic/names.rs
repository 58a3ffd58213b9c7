//! Names, streets and towns for people who do not exist. Streets are invented; towns and ZIP codes have real shapes.

#[rustfmt::skip]
pub(super) const GIVEN_FEMALE: &[&str] = &[
    "Aaliyah", "Abigail", "Adaeze", "Aisha", "Alejandra", "Alma", "Amara", "Amelia", "Amina", "Ana", "Anjali", "Anya",
    "Ayesha", "Beatriz", "Bianca", "Bridget", "Camila", "Carmen", "Catalina", "Celeste", "Chiara", "Chloe", "Clara",
    "Cora", "Dalia", "Deborah", "Delfina", "Denise", "Diana", "Dolores", "Edith", "Elena", "Eliza", "Emiko",
    "Esperanza", "Esther", "Eun-ji", "Fatima", "Fiona", "Flora", "Gabriela", "Gloria", "Grace", "Graciela", "Hana",
    "Hannah", "Harriet", "Helga", "Hiba", "Imani", "Ines", "Ingrid", "Irene", "Isabel", "Ivy", "Jacinta", "Jasmine",
    "Joanna", "Josefina", "Joy", "Juliana", "Kaia", "Kamala", "Katarina", "Kavita", "Keisha", "Kiri", "Laila",
    "Lakshmi", "Latoya", "Leticia", "Lien", "Lina", "Lourdes", "Lucía", "Magda", "Mai", "Marisol", "Marta", "Mei",
    "Mercedes", "Mina", "Miriam", "Nadia", "Naomi", "Nkechi", "Noor", "Nora", "Odalys", "Olga", "Olivia", "Padma",
    "Paloma", "Phoebe", "Pilar", "Priya", "Rebecca", "Renée", "Rosalind", "Ruth", "Sakura", "Salma", "Sarah",
    "Shanice", "Simone", "Sofia", "Soraya", "Svetlana", "Tamika", "Teresa", "Thandi", "Uma", "Vanessa", "Vera",
    "Wanjiru", "Xiomara", "Yael", "Yesenia", "Yuki", "Zainab", "Zoë", "Zora",
];

#[rustfmt::skip]
pub(super) const GIVEN_MALE: &[&str] = &[
    "Aaron", "Abdul", "Adrian", "Ahmed", "Alejandro", "Alonzo", "Andrei", "Anil", "Antonio", "Arjun", "Arturo",
    "Ashok", "Benjamin", "Bao", "Bashir", "Bernard", "Bilal", "Boris", "Caleb", "Carlos", "Cedric", "Chidi", "Chike",
    "Clarence", "Cyrus", "Damian", "Darnell", "David", "Deepak", "DeShawn", "Diego", "Dmitri", "Duncan", "Edgar",
    "Eduardo", "Elias", "Emeka", "Emilio", "Enrique", "Ephraim", "Ernesto", "Farid", "Felipe", "Felix", "Finn",
    "Franklin", "Gabriel", "George", "Gerardo", "Gunnar", "Hakim", "Harold", "Haruto", "Hassan", "Hector", "Henry",
    "Hiroshi", "Hugo", "Ibrahim", "Ignacio", "Isaac", "Ismael", "Ivan", "Jamal", "Javier", "Jerome", "Jin", "Joaquín",
    "Joel", "Jonah", "José", "Julian", "Kareem", "Karl", "Kenji", "Khalil", "Kofi", "Kwame", "Lamar", "Lars", "Leon",
    "Liam", "Lorenzo", "Luis", "Malik", "Manuel", "Marcus", "Mateo", "Matthias", "Miguel", "Minh", "Mohammed",
    "Nathan", "Nikhil", "Noah", "Obinna", "Omar", "Oscar", "Otis", "Pablo", "Patrick", "Pavel", "Quentin", "Rafael",
    "Rahul", "Ramón", "Rashid", "Raymond", "Rohan", "Roland", "Samir", "Santiago", "Sean", "Sergio", "Silas", "Tariq",
    "Terrence", "Theo", "Tomás", "Tyrone", "Viktor", "Vincent", "Walter", "Wei", "William", "Xavier", "Yosef",
    "Yusuf", "Zachary",
];

#[rustfmt::skip]
pub(super) const FAMILY: &[&str] = &[
    "Abara", "Abdi", "Acosta", "Adeyemi", "Aguilar", "Ahmadi", "Akande", "Alvarez", "Andersen", "Arroyo", "Asante",
    "Ayala", "Bailey", "Baptiste", "Barros", "Begay", "Bennett", "Bergstrom", "Bhatt", "Blackwood", "Boateng",
    "Bouchard", "Brennan", "Briggs", "Cabrera", "Calderón", "Campbell", "Cardozo", "Castellanos", "Chandra", "Chavez",
    "Chen", "Cho", "Cisneros", "Coleman", "Contreras", "Cordero", "Cruz", "Dang", "Das", "Davenport", "Delacroix",
    "Delgado", "Desai", "Diallo", "Dominguez", "Duarte", "Dvorak", "Ebert", "Edwards", "Ekwueme", "Ellison",
    "Escobar", "Espinoza", "Eze", "Farah", "Fernandes", "Fitzgerald", "Flores", "Fontaine", "Fujimoto", "Galvan",
    "Gebre", "Ghosh", "Gonzales", "Goodwin", "Greenberg", "Guerrero", "Gupta", "Gutierrez", "Haddad", "Hakimi",
    "Halvorsen", "Hamdi", "Hansen", "Harjo", "Hassan", "Hernandez", "Herrera", "Hoang", "Holloway", "Horvat", "Huang",
    "Hussain", "Ibarra", "Ito", "Iyer", "Jackson", "Jafari", "Jaramillo", "Jensen", "Jimenez", "Johansson", "Joseph",
    "Kamau", "Kaplan", "Kaur", "Keller", "Khan", "Kiplagat", "Kowalski", "Krishnan", "Kumar", "Lachance", "Lam",
    "Larsen", "Le", "Lehmann", "Leung", "Lindholm", "Lozano", "Lucero", "Luna", "Mahmoud", "Maldonado", "Manning",
    "Marquez", "Martinez", "Mbeki", "McAllister", "Medina", "Mehta", "Mendoza", "Mercado", "Mohamed", "Montoya",
    "Morales", "Mukherjee", "Munoz", "Murphy", "Nakamura", "Navarro", "Ndiaye", "Nez", "Nguyen", "Novak", "Núñez",
    "O'Connell", "Obi", "Ochoa", "Okafor", "Olsen", "Onyango", "Ortega", "Osman", "Padilla", "Park", "Patel",
    "Pereira", "Petrov", "Pham", "Pierre", "Popescu", "Prescott", "Quintero", "Rahman", "Ramirez", "Reddy", "Reyes",
    "Rivera", "Robinson", "Rojas", "Romano", "Rosenthal", "Ruiz", "Saito", "Salazar", "Sandoval", "Santos", "Sato",
    "Schwartz", "Sharma", "Silva", "Singh", "Solano", "Stewart", "Suarez", "Sullivan", "Takahashi", "Tesfaye",
    "Thompson", "Toledo", "Torres", "Tran", "Trujillo", "Tsosie", "Ueda", "Valdez", "Vargas", "Vasquez", "Venkat",
    "Villanueva", "Volkov", "Wagner", "Walker", "Washington", "Watanabe", "Weaver", "Weiss", "Williams", "Wong",
    "Yamada", "Yang", "Yazzie", "Yildiz", "Young", "Zamora", "Zapata", "Zhang", "Zimmermann",
];

#[rustfmt::skip]
pub(super) const STREETS: &[&str] = &[
    "Ocotillo Lantern Way", "Palo Verde Loop", "Quail Whistle Lane", "Copperleaf Drive", "Desert Lark Road",
    "Saltbush Terrace", "Mesquite Hollow Court", "Cinder Ridge Road", "Prickly Pear Circle", "Roadrunner Bend",
    "Agave Blossom Street", "Thistle Mesa Avenue", "Monsoon Creek Drive", "Javelina Pass", "Sandstone Gate",
    "Creosote Trail", "Moonflower Place", "Windmill Ranch Road", "Brittlebush Avenue", "Owl Hollow Lane",
    "Dry Wash Road", "Turquoise Hill Drive", "Ironwood Spur", "Sagewater Street",
];

/// City, state and a ZIP code whose first three digits belong there, with its weight: most people live near the
/// clinic; a few live in the sparsely settled ZIP areas that Safe Harbor treats apart.
#[rustfmt::skip]
pub(super) const TOWNS: &[(&str, &str, &str, u32)] = &[
    ("Phoenix", "AZ", "85016", 24),
    ("Phoenix", "AZ", "85041", 16),
    ("Mesa", "AZ", "85204", 12),
    ("Tempe", "AZ", "85281", 10),
    ("Glendale", "AZ", "85301", 9),
    ("Chandler", "AZ", "85224", 8),
    ("Tucson", "AZ", "85705", 5),
    ("Flagstaff", "AZ", "86001", 4),
    ("Las Vegas", "NV", "89107", 2),
    ("Albuquerque", "NM", "87106", 2),
    ("San Diego", "CA", "92105", 2),
    ("Denver", "CO", "80219", 1),
    ("Minneapolis", "MN", "55407", 1),
    ("Ely", "NV", "89301", 1),
    ("Gallup", "NM", "87301", 1),
    ("Truth or Consequences", "NM", "87901", 1),
    ("Yellowstone National Park", "WY", "82190", 1),
];
