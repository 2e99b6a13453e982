#!/bin/bash
# A small image with MariaDB, from Debian's packages, for where no image registry is reached:  build.sh NAME
# Needs root, apt-get, and docker; takes some seconds. The server inside takes MYSQL_ROOT_PASSWORD.
set -euo pipefail
name=$1
here=$(cd "$(dirname "$0")" && pwd)

packages="busybox-static mariadb-server-core libaio1 libc6 libcrypt1 libgcc-s1 libnuma1 libpcre2-8-0 libssl3 libstdc++6
    libsystemd0 liburing2 zlib1g libcap2 libgcrypt20 liblzma5 libzstd1 liblz4-1 libgpg-error0"

unset TMPDIR # InnoDB inside would look for it
work=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

mkdir -m 777 "$work/packages" # apt-get downloads as its own user
cd "$work/packages"
apt-get download -qq $packages 2>/dev/null || { apt-get update -qq && apt-get download -qq $packages; }

root=$work/root
mkdir -p "$root"/{tmp,dev,proc,run,bin,var/lib/mysql,seed,docker-entrypoint-initdb.d}
chmod 1777 "$root/tmp"
for package in *.deb; do dpkg-deb --extract "$package" "$root"; done
ln -sf busybox "$root/bin/sh"
rm -rf "$root"/usr/share/{doc,man,locale} "$root"/usr/bin/* "$root"/usr/lib/mysql/plugin
cp "$here/entrypoint.sh" "$root/entrypoint.sh"
chmod 755 "$root/entrypoint.sh"

share=$root/usr/share/mysql
{
    printf 'CREATE DATABASE mysql;\nUSE mysql;\n'
    cat "$share"/mysql_system_tables.sql "$share"/mysql_performance_tables.sql "$share"/mysql_system_tables_data.sql "$share"/mysql_sys_schema.sql
} | env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /usr/sbin/mariadbd --no-defaults --bootstrap --user=root \
    --datadir=/seed --innodb-flush-method=nosync --aria-sync-log-dir=never >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }

tar -C "$root" -c . | docker import --change 'ENTRYPOINT ["/entrypoint.sh"]' --change 'EXPOSE 3306' - "$name" >/dev/null
