#!/bin/sh
# Removes from an image what an attacker could use and a service does not need: pip and the wheels that install it, apt,
# dpkg and their files, and every setuid and setgid bit. Python, its libraries and the licences stay.
set -eu
installers='apt libapt-pkg.* dpkg debconf perl-base debian-archive-keyring ubuntu-keyring python3-pip-whl
    python3-setuptools-whl python3-venv python3\.[0-9]*-venv'

for package in $(dpkg-query --show --showformat '${binary:Package}\n'); do
    for pattern in $installers; do
        if expr "${package%%:*}" : "$pattern\$" >/dev/null; then
            dpkg-query --listfiles "$package"
        fi
    done
done | grep -v '/copyright$' >/removed
while read -r path; do
    if [ ! -d "$path" ] || [ -L "$path" ]; then rm -f "$path"; fi
done </removed

rm -rf /etc/apt /etc/dpkg /var/lib/apt /var/lib/dpkg /var/cache/apt /var/cache/debconf /usr/lib/apt /usr/lib/dpkg \
    /usr/libexec/dpkg /usr/share/dpkg /usr/share/perl* /usr/lib/*/perl* /var/log/apt /var/log/dpkg.log \
    /usr/share/python-wheels
find / -xdev \( -name 'ensurepip' -o -name 'pip' -o -name 'pip-*' -o -name 'pip[0-9]*' -o -name '*.whl' \
    -o -name 'setuptools' -o -name 'setuptools-*' -o -name 'wheel' -o -name 'wheel-*' -o -name 'pkg_resources' \
    -o -name '_distutils_hack' -o -name 'distutils-precedence.pth' -o -name 'apt' -o -name 'apt-*' -o -name 'apt.*' \
    -o -name 'dpkg' -o -name 'dpkg-*' -o -name 'dpkg.*' \) -prune -exec rm -rf {} +
find / -xdev -perm /6000 -exec chmod ug-s {} +
rm -f /removed /clean.sh
