//! Profiles: servers with the keys for them, by names, in a file that its owner alone may read.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::language::{Words, unread, unwritten};

/// The profile of a file that names none.
pub(super) const DEFAULT: &str = "default";
/// The bits of others in a file's mode.
const OTHERS: u32 = 0o077;

/// What is in the file.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profiles {
    /// The profile to use where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) profiles: BTreeMap<String, Profile>,
}

/// How to reach one server.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lang: Option<String>,
}

/// Shows no key.
impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// Where the file is: `ndp-registry/profiles.toml` in the user's configuration directory.
pub(super) fn path() -> anyhow::Result<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .filter(|it| !it.is_empty())
            .map(PathBuf::from)
    };
    let directory = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
    let directory = directory.with_context(|| {
        Words::new(
            "neither XDG_CONFIG_HOME nor HOME says where profiles are",
            "cả XDG_CONFIG_HOME và HOME đều không cho biết hồ sơ kết nối ở đâu",
        )
    })?;
    Ok(directory.join("ndp-registry").join("profiles.toml"))
}

/// Reads the file; no profiles where it is not there.
pub(super) fn read(path: &Path) -> anyhow::Result<Profiles> {
    let shown = path.display();
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Profiles::default());
        }
        metadata => metadata.with_context(|| unread(&shown))?,
    };
    if metadata.permissions().mode() & OTHERS != 0 {
        bail!(Words::new(
            format!("others may read `{shown}`, which holds keys: run `chmod 600 {shown}`"),
            format!("người khác đọc được `{shown}` có chứa khóa: hãy chạy `chmod 600 {shown}`"),
        ));
    }
    let text = fs::read_to_string(path).with_context(|| unread(&shown))?;
    // the error of the parser would quote the line, and a key in it
    let read = toml::from_str(&text).map_err(|error| anyhow::anyhow!("{}", error.message()));
    read.with_context(|| {
        Words::new(
            format!("`{shown}` is not a file of profiles"),
            format!("`{shown}` không phải là tệp hồ sơ kết nối"),
        )
    })
}

/// Writes the file as a whole, for its owner alone.
pub(super) fn write(path: &Path, profiles: &Profiles) -> anyhow::Result<()> {
    let text = toml::to_string(profiles)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let written = || -> std::io::Result<()> {
        fs::create_dir_all(directory)?;
        // its mode is 0600
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    written().with_context(|| unwritten(path.display()))
}

/// The profile of this name, or the default one.
pub(super) fn find(name: Option<&str>) -> anyhow::Result<Profile> {
    let Ok(path) = path() else {
        return Ok(Profile::default());
    };
    let mut all = read(&path)?;
    let asked = name.map(str::to_owned).or(all.default.take());
    let found = all.profiles.remove(asked.as_deref().unwrap_or(DEFAULT));
    match (found, asked) {
        (Some(profile), _) => Ok(profile),
        (None, None) => Ok(Profile::default()),
        (None, Some(name)) => {
            let known: Vec<_> = all.profiles.into_keys().collect();
            let path = path.display();
            let known = known.join(", ");
            bail!(Words::new(
                format!("`{path}` has no profile `{name}`; it has: {known}; `login` adds one"),
                format!(
                    "`{path}` không có hồ sơ kết nối `{name}`; có: {known}; `login` thêm hồ sơ mới"
                ),
            ))
        }
    }
}
