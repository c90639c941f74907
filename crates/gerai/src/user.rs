//! `gerai user`: who may sign in to the back office, written straight into the database, beside the server that may be
//! running on it.

use crate::Ended;
use crate::beside::{Asked, Beside};
use crate::operator::Operator;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use gerai_domain::{MerchantId, wib};
use gerai_gateway::password;
use gerai_ledger::{Change, Changed, Deed, Ledger, Role, UserAccount, UserName};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::io::Read;

/// The options of `gerai user`.
#[derive(Args)]
#[command(after_help = "Example:\n  gerai user add rini --config gerai.toml\n  \
                        gerai user add kasir@tokokopi --merchant TOKOKOPI01 --generate --config gerai.toml\n  \
                        pass show gerai/rini | gerai user set-password rini --password-stdin --config gerai.toml\n  \
                        gerai user disable rini --config gerai.toml\n\n\
                        Exit status: 0 done, 1 refused or failed, 2 wrong usage.")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Action {
    /// Add one: an operator, unless it is said whom the user works for. The password is asked for twice.
    Add {
        /// The name: 1 to 40 of a-z, 0-9, '.', '_', '-' and '@'.
        name: UserName,
        /// Works for this merchant, and sees its payments only.
        #[arg(long, value_name = "IMID")]
        merchant: Option<MerchantId>,
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        who: Who,
    },
    /// List all.
    List,
    /// Switch signing in off. Whoever is signed in under this name is signed out.
    Disable {
        /// The name.
        name: UserName,
        #[command(flatten)]
        who: Who,
    },
    /// Switch signing in on, also for somebody who has typed too many wrong passwords.
    Enable {
        /// The name.
        name: UserName,
        #[command(flatten)]
        who: Who,
    },
    /// Give a new password, asked for twice. Whoever is signed in under this name is signed out.
    SetPassword {
        /// The name.
        name: UserName,
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        who: Who,
    },
}

/// Where a password comes from.
#[derive(Args)]
struct Choice {
    /// Read the password from standard input: its first line.
    #[arg(long)]
    password_stdin: bool,
    /// Draw a password, and show it once, here.
    #[arg(long, conflicts_with = "password_stdin")]
    generate: bool,
}

#[derive(Args)]
struct Who {
    /// Who does it; whoever is logged in unless it is said.
    #[arg(long)]
    by: Option<Operator>,
}

/// A password that may be chosen.
struct Chosen {
    password: SecretString,
    /// Nobody has seen it yet.
    drawn: bool,
}

impl Choice {
    fn make(&self, name: &UserName) -> anyhow::Result<Chosen> {
        let Self { password_stdin, generate } = self;
        if *generate {
            return Ok(Chosen { password: password::draw(), drawn: true });
        }
        let password = if *password_stdin { first_line()? } else { asked_twice(name)? };
        password::check(&password)?;
        Ok(Chosen { password, drawn: false })
    }
}

/// The first line of standard input.
fn first_line() -> anyhow::Result<SecretString> {
    let mut text = String::new();
    std::io::stdin().lock().take(4096).read_to_string(&mut text).context("the password on standard input")?;
    Ok(text.lines().next().unwrap_or_default().into())
}

fn asked_twice(name: &UserName) -> anyhow::Result<SecretString> {
    let ask = |prompt: String| {
        let typed = rpassword::prompt_password(prompt);
        typed.map(SecretString::from).context(
            "there is no terminal to ask for the password on: give it with --password-stdin, or have one drawn with \
             --generate",
        )
    };
    let password = ask(format!("Password for {name}: "))?;
    password::check(&password)?;
    if ask("The same again: ".into())?.expose_secret() != password.expose_secret() {
        bail!("the two are not the same; nothing was changed");
    }
    Ok(password)
}

/// Carries out one command.
pub(crate) async fn run(options: Options) -> anyhow::Result<Ended> {
    let Options { action, asked: Asked { place, json } } = options;
    let beside = place.open().await?;
    match action {
        Action::Add { name, merchant, choice, who } => add(&beside, name, merchant, &choice, who, json).await?,
        Action::List => list(&beside, json).await?,
        Action::Disable { name, who } => {
            let changed = change(&beside, &name, "user-disabled", who, |account| account.disabled = true).await?;
            beside.ledger.end_sessions_of(&name, None).await?;
            show(&changed, None, json);
        }
        Action::Enable { name, who } => {
            let enable = |account: &mut UserAccount| {
                account.disabled = false;
                account.failures = 0;
                account.locked_until = None;
            };
            show(&change(&beside, &name, "user-enabled", who, enable).await?, None, json);
        }
        Action::SetPassword { name, choice, who } => {
            known(&beside, &name).await?;
            let Chosen { password, drawn } = choice.make(&name)?;
            let hash = password::hash(&password);
            let set = move |account: &mut UserAccount| {
                account.password_hash = hash;
                account.failures = 0;
                account.locked_until = None;
            };
            let changed = change(&beside, &name, "password-set", who, set).await?;
            beside.ledger.end_sessions_of(&name, None).await?;
            show(&changed, drawn.then_some(&password), json);
        }
    }
    Ok(Ended::Done)
}

/// What is done to a user, for the audit log; its merchant's users may read it.
fn deed(beside: &Beside, account: &UserAccount, what: &str, who: Who) -> Deed {
    let (merchant, detail) = match &account.role {
        Role::Operator => (None, "an operator".into()),
        Role::Merchant(imid) => (Some(imid.clone()), format!("of {imid}")),
    };
    let by = who.by.unwrap_or_else(Operator::here);
    Deed { merchant, detail, ..by.deed(beside.clock.now(), what, account.name.as_str()) }
}

async fn add(
    beside: &Beside,
    name: UserName,
    merchant: Option<MerchantId>,
    choice: &Choice,
    who: Who,
    json: bool,
) -> anyhow::Result<()> {
    if let Some(merchant) = &merchant
        && beside.ledger.merchant(merchant.as_str()).await?.is_none()
    {
        bail!("there is no merchant {merchant}; see `gerai merchant list`");
    }
    let taken = || format!("there is a user {name} already; give a new password with `gerai user set-password {name}`");
    if beside.ledger.user(&name).await?.is_some() {
        bail!(taken());
    }
    let Chosen { password, drawn } = choice.make(&name)?;
    let account = UserAccount {
        name: name.clone(),
        role: merchant.map_or(Role::Operator, Role::Merchant),
        password_hash: password::hash(&password),
        disabled: false,
        failures: 0,
        locked_until: None,
        added_at: Timestamp::now(),
    };
    let deed = deed(beside, &account, "user-added", who);
    if !beside.ledger.add_user(account.clone(), deed).await? {
        bail!(taken());
    }
    show(&account, drawn.then_some(&password), json);
    Ok(())
}

async fn list(beside: &Beside, json: bool) -> anyhow::Result<()> {
    let all = beside.ledger.users().await?;
    if json {
        println!("{}", Value::Array(all.iter().map(|account| tell(account, None)).collect()));
    } else if all.is_empty() {
        println!("Nobody can sign in yet: gerai user add");
    } else {
        for account in &all {
            println!("{:<40}  {:<19}  {}", account.name, role(&account.role), signing_in(account));
        }
    }
    Ok(())
}

fn unknown(name: &UserName) -> String {
    format!("there is no user {name}; see `gerai user list`")
}

/// The user, who must be there before anybody is asked for a password.
async fn known(beside: &Beside, name: &UserName) -> anyhow::Result<UserAccount> {
    beside.ledger.user(name).await?.with_context(|| unknown(name))
}

/// Changes a user as it stands when its turn has come; gives it as it is then.
async fn change(
    beside: &Beside,
    name: &UserName,
    what: &str,
    who: Who,
    change: impl FnOnce(&mut UserAccount) + Send + 'static,
) -> anyhow::Result<UserAccount> {
    let account = known(beside, name).await?;
    let change: Change<UserAccount> = Box::new(|account| {
        change(account);
        Ok(())
    });
    match beside.ledger.change_user(name, change, Some(deed(beside, &account, what, who))).await? {
        Changed::Done(account) => Ok(account),
        Changed::Refused(error) => Err(anyhow::Error::from_boxed(error)),
        Changed::Unknown => bail!(unknown(name)),
    }
}

fn role(role: &Role) -> String {
    match role {
        Role::Operator => "operator".into(),
        Role::Merchant(id) => format!("merchant {id}"),
    }
}

/// Whether this user can sign in now.
fn signing_in(account: &UserAccount) -> String {
    match account.locked_until.filter(|until| *until > Timestamp::now()) {
        _ if account.disabled => "disabled".into(),
        Some(until) => format!("locked until {}", wib::human(until)),
        None => "may sign in".into(),
    }
}

fn tell(account: &UserAccount, password: Option<&SecretString>) -> Value {
    let UserAccount { name, role, password_hash: _, disabled, failures: _, locked_until, added_at } = account;
    let (role, imid) = match role {
        Role::Operator => ("operator", None),
        Role::Merchant(id) => ("merchant", Some(id)),
    };
    let mut value = json!({
        "name": name.as_str(),
        "role": role,
        "iMid": imid,
        "disabled": disabled,
        "lockedUntil": locked_until.filter(|until| *until > Timestamp::now()).map(wib::iso),
        "addedAt": wib::iso(*added_at),
    });
    if let Some(password) = password
        && let Value::Object(fields) = &mut value
    {
        fields.insert("password".into(), password.expose_secret().into());
    }
    value
}

fn show(account: &UserAccount, password: Option<&SecretString>, as_json: bool) {
    if as_json {
        println!("{}", tell(account, password));
        return;
    }
    println!("User            {}", account.name);
    println!("Role            {}", role(&account.role));
    println!("Sign-in         {}", signing_in(account));
    if let Some(password) = password {
        println!("Password        {}", password.expose_secret());
    }
}
