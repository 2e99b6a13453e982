#!/bin/sh
# Starts the server; the first time with a user who may come from anywhere.
data=/var/lib/mysql
if [ ! -e $data/ready ]; then
    busybox cp -a /seed/. $data/
    {
        echo "CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';"
        echo "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;"
    } >/tmp/init.sql
    busybox touch $data/ready
fi
exec /usr/sbin/mariadbd --no-defaults --user=root --datadir=$data --socket=/tmp/mysqld.sock --init-file=/tmp/init.sql --bind-address=0.0.0.0 \
    --skip-name-resolve --skip-log-bin --local-infile=1 --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=64M --max-connections=100
