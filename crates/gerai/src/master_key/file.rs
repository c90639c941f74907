//! The file that holds the master keys, one a line, the newest first. It is replaced as a whole or not at all.

use anyhow::{Context, bail};
use gerai_ledger::MasterKey;
use secrecy::{ExposeSecret, SecretString};
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// A key file that nobody else rotates as long as this is held.
pub(super) struct KeyFile {
    path: PathBuf,
    /// Its folder, locked: a file that is replaced cannot be.
    folder: File,
}

/// What a key file holds, and who may read it.
pub(super) struct Contents {
    text: SecretString,
    /// Its rights, as `chmod` counts them.
    mode: u32,
}

impl KeyFile {
    /// Takes hold of it.
    pub(super) fn hold(path: &Path) -> anyhow::Result<Self> {
        // What is replaced is the file itself, not a link to it.
        let path = fs::canonicalize(path).with_context(|| format!("the master key in {}", path.display()))?;
        let folder = path.parent().context("the master key's folder")?;
        let folder = File::open(folder).with_context(|| format!("the folder {}", folder.display()))?;
        match folder.try_lock() {
            Ok(()) => Ok(Self { path, folder }),
            Err(TryLockError::WouldBlock) => bail!("another rotation of {} is under way", path.display()),
            Err(TryLockError::Error(error)) => Err(error).context("the master key's folder cannot be locked"),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn read(&self) -> anyhow::Result<Vec<MasterKey>> {
        crate::data::read_key_file(&self.path)
    }

    /// What it is now, to be put back; refused where everybody may read it. The one that takes its place is for its
    /// owner and group alone, and the server may be neither.
    pub(super) fn contents(&self) -> anyhow::Result<Contents> {
        let path = self.path.display();
        let mode = fs::metadata(&self.path).with_context(|| format!("the master key in {path}"))?.mode() & 0o777;
        if mode & 0o004 != 0 {
            bail!(
                "everybody may read {path}, so nobody can tell whether the server could still read the one that takes \
                 its place, which is for its owner alone. Give it to the user that the server runs as, and to nobody \
                 else, then run this again:\n  chown <the server's user> {path}\n  chmod 600 {path}"
            );
        }
        let text = fs::read_to_string(&self.path).with_context(|| format!("the master key in {path}"))?;
        Ok(Contents { text: text.into(), mode })
    }

    /// Puts these keys in its place: on disk before it shows, and with the same owner. Nobody else may read it, except
    /// for a group that could before.
    pub(super) fn replace(&self, keys: &[&MasterKey]) -> anyhow::Result<()> {
        let text: String = keys.iter().map(|key| format!("{}\n", key.to_base64().expose_secret())).collect();
        let mode = |before: u32| 0o600 | (before & 0o040);
        self.put(&text.into(), mode).with_context(|| format!("{} cannot be replaced", self.path.display()))
    }

    /// Puts back what it was, with the rights that it had.
    pub(super) fn restore(&self, contents: &Contents) -> anyhow::Result<()> {
        let Contents { text, mode } = contents;
        self.put(text, |_| *mode).with_context(|| format!("{} cannot be put back as it was", self.path.display()))
    }

    fn put(&self, text: &SecretString, mode: impl FnOnce(u32) -> u32) -> io::Result<()> {
        let before = fs::metadata(&self.path)?;
        let mut name = std::ffi::OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(".new");
        let new = self.path.with_file_name(name);
        match fs::remove_file(&new) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
            fchown(&file, Some(before.uid()), Some(before.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(mode(before.mode())))?;
        file.write_all(text.expose_secret().as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        self.folder.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gerai_ledger::KeyId;

    fn ids(keys: &[MasterKey]) -> Vec<KeyId> {
        keys.iter().map(MasterKey::id).collect()
    }

    #[test]
    fn a_key_file_is_replaced_as_a_whole_and_read_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let keys = [MasterKey::new([1; 32]), MasterKey::new([2; 32])];
        fs::write(&path, keys[1].to_base64().expose_secret()).unwrap();
        for (mode, after) in [(0o600, 0o600), (0o640, 0o640), (0o400, 0o600)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            // What a rotation that was cut off has left does not matter.
            fs::write(folder.path().join(".master.key.new"), "half of a k").unwrap();
            let file = KeyFile::hold(&path).unwrap();
            file.replace(&keys.iter().collect::<Vec<_>>()).unwrap();
            assert_eq!(ids(&file.read().unwrap()), ids(&keys));
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, after, "{mode:o}");
            let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(names, ["master.key"]);
        }
    }

    #[test]
    fn a_key_file_is_put_back_as_it_was_with_its_rights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        for mode in [0o600, 0o660, 0o440, 0o400] {
            let _ = fs::remove_file(&path);
            let text = format!("  {}\n\n", MasterKey::new([1; 32]).to_base64().expose_secret());
            fs::write(&path, &text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let file = KeyFile::hold(&path).unwrap();
            let before = file.contents().unwrap();
            file.replace(&[&MasterKey::new([2; 32])]).unwrap();
            file.restore(&before).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, mode, "{mode:o}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_link_stays_a_link_and_two_rotations_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("real.key"), folder.path().join("link.key"));
        fs::write(&path, MasterKey::new([1; 32]).to_base64().expose_secret()).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let file = KeyFile::hold(&link).unwrap();
        assert!(KeyFile::hold(&path).is_err_and(|error| error.to_string().contains("another rotation")));
        file.replace(&[&MasterKey::new([2; 32])]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(ids(&crate::data::read_key_file(&path).unwrap()), [MasterKey::new([2; 32]).id()]);
        drop(file);
        KeyFile::hold(&path).unwrap();
    }
}
