//! Giving up root's rights once everything is open.

use std::ffi::CString;
use std::io;

use crate::LiveError;

/// From now on the program runs as this user, with that user's groups. For all threads, and for good.
///
/// # Errors
/// There is no such user, or the program may not become one.
pub fn become_user(name: &str) -> Result<(), LiveError> {
    let no_user = || LiveError::NoUser(name.to_owned());
    let text = CString::new(name).map_err(|_| no_user())?;
    // SAFETY: the name is a C string; what is returned is valid until the next such call, and is copied at once.
    let (user, group) = unsafe {
        let entry = libc::getpwnam(text.as_ptr());
        if entry.is_null() {
            return Err(no_user());
        }
        ((*entry).pw_uid, (*entry).pw_gid)
    };
    let steps: [&dyn Fn() -> i32; 3] = [
        // SAFETY: the name is a C string.
        &|| unsafe { libc::initgroups(text.as_ptr(), group) },
        // SAFETY: takes plain numbers.
        &|| unsafe { libc::setgid(group) },
        // SAFETY: takes plain numbers.
        &|| unsafe { libc::setuid(user) },
    ];
    for step in steps {
        if step() != 0 {
            return Err(LiveError::System(format!("--user {name}"), io::Error::last_os_error()));
        }
    }
    Ok(())
}
