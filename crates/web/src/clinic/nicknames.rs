//! Given names that go by others: who says Bill may be written William. Common ones of the United States, in English and Spanish.

/// Each line is one circle: any of it may stand for any other.
const CIRCLES: &[&str] = &[
    "abigail abby gail",
    "albert al bert alberto beto",
    "alejandro alejandra alex sandro ale",
    "alexander alexandra alex al sandy xander sasha",
    "alfred alfredo al fred alf",
    "amanda mandy",
    "andrew andy drew andres andre",
    "angela angie angelina",
    "anthony tony antonio toño",
    "antonia toni tonya",
    "barbara barb babs bobbie",
    "benjamin ben benny benji",
    "beverly bev",
    "bradley brad",
    "calvin cal",
    "catherine katherine kathryn kate katie kathy cathy kit kitty kay",
    "charles charlie chuck chas carlos",
    "charlotte lottie charlie",
    "christina christine chris chrissy tina kristina kristin kris",
    "christopher chris topher kit cristobal",
    "clifford cliff",
    "concepcion concha conchita",
    "cynthia cindy",
    "daniel dan danny",
    "david dave davey",
    "deborah debra deb debbie",
    "dolores lola",
    "donald don donnie",
    "dorothy dot dottie dolly",
    "edward ed eddie ted ned eduardo lalo",
    "eleanor ellie nell nora elena",
    "elizabeth liz lizzie beth betty betsy eliza lisa libby ellie isabel",
    "emily em emmy",
    "eugene gene",
    "florence flo florrie",
    "frances fran francie frankie",
    "francis frank francisco paco pancho",
    "franklin frank",
    "frederick fred freddie rick federico",
    "gabriel gabriela gabe gabby",
    "geraldine gerry",
    "gerald gerry jerry gerardo",
    "gregory greg",
    "guadalupe lupe lupita",
    "harold harry hal",
    "henry hank harry enrique",
    "ignacio nacho",
    "jacob jake",
    "jacqueline jackie",
    "james jim jimmy jamie jaime diego santiago",
    "janet jan",
    "jeffrey jeff geoffrey geoff",
    "jennifer jen jenny",
    "jeremiah jeremy jerry",
    "jessica jess jessie",
    "jesus chuy",
    "joan joanna jo",
    "john jack johnny jon juan",
    "jonathan jon",
    "joseph joe joey jose pepe",
    "josephine jo josie josefina",
    "joshua josh",
    "judith judy",
    "julia julie julianna",
    "kenneth ken kenny",
    "kimberly kim",
    "lawrence larry lorenzo",
    "leonard leo len lenny leonardo",
    "lillian lily lil",
    "louis lou louie luis",
    "madeline maddie",
    "manuel manny manolo",
    "margaret maggie meg peg peggy marge margie greta rita daisy margarita",
    "maria mary mia mariana",
    "martha marty mattie marta",
    "mary molly polly maureen",
    "matthew matt mateo",
    "megan meg",
    "melissa mel missy",
    "michael mike mickey mick miguel",
    "mildred millie",
    "nancy nan ann",
    "natalie nat",
    "nathaniel nathan nate nat",
    "nicholas nick nicky nicolas",
    "nicole nikki",
    "pamela pam",
    "patricia pat patty trish tricia",
    "patrick pat paddy rick",
    "penelope penny",
    "peter pete pedro",
    "philip phil felipe",
    "rachel rae",
    "ramon moncho",
    "raymond ray raimundo",
    "rebecca becky becca",
    "richard rick ricky rich dick ricardo",
    "robert bob bobby rob robbie bert roberto beto",
    "ronald ron ronnie",
    "rosario charo",
    "russell russ",
    "samantha sam sammy",
    "samuel sam sammy",
    "sandra sandy",
    "stephen steven steve esteban",
    "stephanie steph",
    "susan sue susie suzanne susannah susana",
    "teresa theresa terry tess tessa",
    "theodore ted teddy theo",
    "thomas tom tommy tomas",
    "timothy tim",
    "valerie val",
    "victoria vicky tori",
    "victor vic",
    "vincent vince vinny vicente",
    "virginia ginny",
    "walter walt wally",
    "william will bill billy willie liam guillermo memo",
    "zachary zach",
];

/// Other names for this one, in lower case.
pub fn others(name: &str) -> impl Iterator<Item = &'static str> {
    let name = name.to_lowercase();
    let circles = CIRCLES.iter().filter({
        let name = name.clone();
        move |circle| circle.split(' ').any(|one| one == name)
    });
    circles.flat_map(|circle| circle.split(' ')).filter(move |one| *one != name)
}

/// Whether two given names may be one.
pub fn same(a: &str, b: &str) -> bool {
    let b = b.to_lowercase();
    others(a).any(|other| other == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_bill_may_be_written_william() {
        assert!(same("Bill", "William") && same("WILLIAM", "bill") && same("Peggy", "Margaret"));
        assert!(!same("Ruth", "Max") && !same("Bill", "Bill") && !same("Maria", "Molly"));
        assert_eq!(others("nobody-is-called-so").count(), 0);
    }

    #[test]
    fn each_circle_has_two_names_at_least_in_lower_case() {
        for circle in CIRCLES {
            assert!(circle.split(' ').count() > 1 && *circle == circle.to_lowercase(), "{circle}");
        }
    }
}
