"""How to get a sandbox where none works: packages, and what Linux systems forbid that bubblewrap needs."""

from pathlib import Path

PACKAGES = """\
How to get a sandbox (then run this again):
  bubblewrap    Debian, Ubuntu: sudo apt-get install bubblewrap    Fedora: sudo dnf install bubblewrap
                It exists for Linux only: on Windows grade in WSL 2, on macOS in a virtual machine with Linux.
  another user  in a container, where bubblewrap has no rights: grade as root, with a Python that others can start
"""
APPARMOR = """\
bubblewrap needs user namespaces, which this system keeps for programs that AppArmor knows (Ubuntu since 23.10).
Either grade as root (student code still runs as another user), or let AppArmor know bubblewrap:
  echo 'abi <abi/4.0>,' | sudo tee /etc/apparmor.d/bwrap
  echo 'profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }' | sudo tee -a /etc/apparmor.d/bwrap
  sudo systemctl reload apparmor
"""
SYSCTL = """\
bubblewrap needs user namespaces, which this system forbids. Either grade as root (student code still runs as another
user), or allow them: sudo sysctl {setting}
"""
FORBIDDING = {  # a setting of Linux: the value with which it forbids, and what to do
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": ("1", APPARMOR),
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", SYSCTL.format(setting="kernel.unprivileged_userns_clone=1")),
    "/proc/sys/user/max_user_namespaces": ("0", SYSCTL.format(setting="user.max_user_namespaces=10000")),
}


def remedies() -> str:
    """Say what to do on this machine, for an instructor to read."""
    forbidden = [text for setting, (value, text) in FORBIDDING.items() if _content(setting) == value]
    return "\n".join([PACKAGES, *forbidden])


def _content(setting: str) -> str | None:
    try:
        return Path(setting).read_text().strip()
    except OSError:  # another system has no such setting
        return None
