//! Who can sign in to every sandbox's back office: an operator and a merchant's user, so that both sides can be seen.
//! Their passwords are printed in the documentation; they guard no real money.

use gerai_domain::{Actor, TermsError};
use gerai_ledger::{Deed, Ledger, LedgerError, NoUserName, Role, UserAccount};
use jiff::Timestamp;
use secrecy::ExposeSecret;

/// A user of every sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxUser {
    /// The name to sign in with.
    pub name: &'static str,
    /// The password to sign in with; shorter than one that somebody may choose.
    pub password: &'static str,
    /// The merchant that the user works for; an operator works for none.
    pub imid: Option<&'static str>,
    /// The password's hash, made beforehand: at each start it would cost more than everything else.
    password_hash: &'static str,
}

impl SandboxUser {
    /// The operator.
    pub const OPERATOR: Self = Self {
        name: "operator",
        password: "operator",
        imid: None,
        password_hash: "$argon2id$v=19$m=19456,t=2,p=1$Zrfi5fLZPyp+F5Ik2LoOJA$cYeOd6hHw3XU8U5tV0MaYjk89aQUp3gZJ3UvCaffQnY",
    };

    /// One who works for the merchant that waits for a counter.
    pub const GERAITEST1: Self = Self {
        name: "geraitest1",
        password: "geraitest1",
        imid: Some("GERAITEST1"),
        password_hash: "$argon2id$v=19$m=19456,t=2,p=1$RBYribzcHq2RU5N7LQQLfw$RsCvvMbU4obIvc93zYgVQaZsgWklRXTuhPT+ie6qUPA",
    };

    /// Both.
    pub const ALL: [Self; 2] = [Self::OPERATOR, Self::GERAITEST1];

    /// Whether this account still has the password that everybody knows, and may sign in with it.
    #[must_use]
    pub fn opens(&self, account: &UserAccount) -> bool {
        account.name.as_str() == self.name
            && account.password_hash.expose_secret() == self.password_hash
            && !account.disabled
    }
}

/// Adds what is missing of them; whoever is there already is left alone.
pub(super) async fn seed(ledger: &dyn Ledger) -> Result<(), LedgerError> {
    let (by, now) = (Actor::Operator("sandbox".into()), Timestamp::now());
    for user in SandboxUser::ALL {
        let unfit = |error: &dyn std::error::Error| LedgerError::Corrupt(error.to_string().into());
        let name = user.name.parse().map_err(|error: NoUserName| unfit(&error))?;
        let role = match user.imid {
            Some(imid) => Role::Merchant(imid.parse().map_err(|error: TermsError| unfit(&error))?),
            None => Role::Operator,
        };
        let account = UserAccount {
            name,
            role,
            password_hash: user.password_hash.into(),
            disabled: false,
            failures: 0,
            locked_until: None,
            added_at: now,
        };
        let deed = Deed::new(&by, now, "user-added", user.name);
        ledger.add_user(account, deed).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password;

    #[test]
    fn the_hashes_are_those_of_the_passwords() {
        for user in SandboxUser::ALL {
            assert!(password::verify(&user.password.into(), &user.password_hash.into()), "{}", user.name);
        }
    }
}
