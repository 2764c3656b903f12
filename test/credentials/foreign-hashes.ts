// Hashes that other programs really printed, with the commands that made them (Debian 12: argon2
// 0~20171227-0.3+deb12u1, dovecot-core 1:2.3.19.1). Each is of the password beside it.

export interface ForeignHash {
  readonly command: string;
  readonly password: string;
  readonly phc: string;
}

export const foreignHashes: readonly ForeignHash[] = [
  {
    command: `printf %s "correct horse battery staple" | argon2 "somesalt" -id -e`,
    password: "correct horse battery staple",
    phc: "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$tXFaK0YeoZsY6K5OPdA5mwTc8ojXBD5GCR83F9bg+6Q",
  },
  {
    command: `printf %s "correct horse battery staple" | argon2 "sixteen byte slt" -id -t 2 -k 19456 -p 1 -e`,
    password: "correct horse battery staple",
    phc: "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$k81ovk8fkH1PorA/36zCkEKia28tQyMQYijfaS5RQy4",
  },
  {
    command: `printf %s "correct horse battery staple" | argon2 "sixteen byte slt" -id -t 1 -m 13 -p 4 -l 16 -e`,
    password: "correct horse battery staple",
    phc: "$argon2id$v=19$m=8192,t=1,p=4$c2l4dGVlbiBieXRlIHNsdA$k89gCy9ZNUTDr5TlsDMizw",
  },
  {
    command: `printf %s "πßå♦" | argon2 "a salt of some twenty-seven" -id -t 3 -k 64 -p 2 -l 64 -e`,
    password: "πßå♦",
    phc: "$argon2id$v=19$m=64,t=3,p=2$YSBzYWx0IG9mIHNvbWUgdHdlbnR5LXNldmVu$ur+YqgEkfdIyaduXgZdNK3Lg6bL/fVwXVopA/KPY1yGLH7349htMZKNn7yfaws3OvUmbWkQ6sYICHNm7bc6e/w",
  },
  {
    command: `doveadm pw -s ARGON2ID -p "correct horse battery staple"`,
    password: "correct horse battery staple",
    phc: "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$1/DRoudHAnHPWQfp8VilVA$2SN3cXm8Ps3iW7C8SKq2++Ol/8NuJyNZu2TJYijXmKE",
  },
  {
    command: `doveadm pw -s ARGON2ID -p "Jack of ♦s"`,
    password: "Jack of ♦s",
    phc: "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$/WZlrC74tprjhQ4DkDk0eg$BIVQgaE8ikd0wXBobY8+a2pMfZ+PsQWQSbSnfEYOXzw",
  },
];

/** Made by `argon2 somesalt -i -e`, `-d -e` and `-id -v 10 -e` and by `doveadm pw -s ARGON2I`: all refused. */
export const refusedForeignHashes: readonly ForeignHash[] = [
  {
    command: `printf %s "password" | argon2 "somesalt" -i -k 64 -e`,
    password: "password",
    phc: "$argon2i$v=19$m=64,t=3,p=1$c29tZXNhbHQ$ihoUvqVsov6OyYl5Xx0TyvJZA9Atj6nkUbXTRj2NMzE",
  },
  {
    command: `printf %s "password" | argon2 "somesalt" -d -k 64 -e`,
    password: "password",
    phc: "$argon2d$v=19$m=64,t=3,p=1$c29tZXNhbHQ$Td+flmEPdzlBmNgJjjSsA7TcTztt5/4XCpTtkPQg7CI",
  },
  {
    command: `printf %s "password" | argon2 "somesalt" -id -v 10 -k 64 -e`,
    password: "password",
    phc: "$argon2id$v=16$m=64,t=3,p=1$c29tZXNhbHQ$XgHi+b7lbfZue+cuR5LjDS7vIq6Aitql42lGW79P3Gw",
  },
  {
    command: `doveadm pw -s ARGON2I -p password`,
    password: "password",
    phc: "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$9W9MAb+akMp5ahXCbJj44g$7gl49iGm+3zVjsoMOCRXhTijhXFPMqxFGETw2s1BNWk",
  },
];
