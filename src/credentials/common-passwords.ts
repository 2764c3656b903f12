// The commonest passwords of eight characters or more, lowercase: the head of the list that zxcvbn 4.4.2 (MIT)
// drew from leaked collections, less its cruder words, with the usual variations on "password", "admin" and
// this project's name. It stops the guesses that an online attacker makes first, within the few tries that
// the throttle leaves; it is no measure of strength.

export function isCommonPassword(password: string): boolean {
  return common.has(password.toLowerCase());
}

const common: ReadonlySet<string> = new Set(
  `
00000000 01011970 01011980 01011981 01011985 01011986 01011990 01011991 01012000 01012001 01012010
01012011 0987654321 1029384756 11111111 11112222 111222333 11223344 1122334455 11235813 1123581321
12312312 1232323q 123321123 12344321 123454321 1234554321 12345678 123456781 123456789 1234567890
1234567890q 12345678910 123456789a 123456789q 123456789z 12345678a 1234567a 1234567q 123456aa
123456qwerty 12345qwert 1234abcd 1234qwer 123654789 12369874 123698745 123qwe123 123qweasd 123qweasdzxc
12qwaszx 147258369 147852369 14789632 147896325 15426378 192837465 1a2b3c4d 1passwor 1q2w3e4r 1q2w3e4r5t
1q2w3e4r5t6y 1qaz1qaz 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 22222222 25802580 31415926 321654987 33333333
4815162342 55555555 66666666 73501505 741852963 77777777 789456123 87654321 88888888 8j4ye3uz 987654321
99999999 a1234567 a1b2c3d4 a1s2d3f4 aaaaaaaa aardvark abc12345 abc123456 abcd1234 abcdefg1 abcdefgh
abcdefghi aberdeen access14 achilles adgjmptw admin123 admin1234 administrator agent007 airborne
airforce airplane albatros alejandr aleksandr alexande alexandr amsterdam anaconda anhyeuem anthony1
apollo13 aquarius arsenal1 asdasdasd asdf1234 asdfasdf asdfghjk asdfghjkl aspirine assassin atlantis
azsxdcfv babydoll babygirl babylon5 barcelon barcelona baseball baseball1 basketba beefcake bigmoney
billybob billyboy blackcat blackdog blackjac blahblah blink182 blizzard bluebird blueeyes bluemoon
bobafett brandon1 brooklyn brucelee buckeyes budlight bulldogs bunghole cadillac caliente californ
candyman cardinal carolina catherin cavalier cdtnkfyf champion changeme changeme1 changeme123 chargers
charlie1 charlott charlton chelsea1 cherokee chester1 chevelle chevrole cheyenne chicken1 chickens
chocolat christia christin christop cjkysirj clitoris cocacola colombia colorado coltrane commando
computer concrete consumer cooldude correcthorsebatterystaple corvette cosworth cowboys1 crazybab
creative crusader dannyboy darkness darkside darkstar dbrnjhbz deadhead deeznuts default1 defender
deftones designer devildog diamond1 diamonds dietcoke dilligaf dingdong dinosaur discover dkflbvbh
doberman dodgeram dolphins doughboy dragon123 drowssap drpepper dthjybrf einstein ekaterina electric
elephant elizabet engineer enterpri enterprise ericsson eternity excalibu explorer fireball firebird
fktrcfylh fktrcfylhf flamingo football football1 fordf150 formula1 freckles freedom1 freepass freeuser
front242 frontier fyfcnfcbz gangster garfield gateway1 geronimo ghbdtnbr gn56gn56 godsmack godzilla
goldfish golfball goodluck goodtime gordon24 greenbay greenday guardian guest123 guinness halflife
hannibal happy123 happyday hardrock heather1 hellfire hello123 hercules highland hollywoo hongkong
hurrican hyperion ihateyou iloveyou iloveyou1 iloveyou2 immortal infiniti infinity internet intrepid
jackson1 jamesbon jasmine1 jessica1 jordan23 justdoit juventus kamikaze kangaroo katerina kawasaki
kenworth keyboard keystone kingkong kingston kittycat labrador lacrosse lancelot lasvegas letmein1
letmein123 letmein2 lifehack lightnin lionking liverpoo liverpool login123 logitech lollipop lonestar
lonewolf longhorn lowrider luckydog macdaddy mailcreated5240 makaveli manchest manchester mandingo
maradona marathon mariners marlboro maryjane master123 matthew1 maverick meatball meatloaf megadeth
melissa1 mercedes meridian mersedes metallic metallica michael1 michigan microlab microsof microsoft
midnight minecraft mistress mongoose monkey123 monopoly montreal morpheus motorola mountain munchkin
mushroom musicman mustang1 mustangs ncc1701a ncc1701d ncc1701e nebraska nintendo nuttertools oblivion
overlord p@ssw0rd p@ssword pa55w0rd pa55word pakistan panasonic panthers pantyhos paradise pass1234
passport passw0rd passw0rd1 passwor1 password password1 password12 password123 password1234 password2
password2024 password2025 password2026 passwort patrick1 patriots pavilion pearljam peekaboo penguins
peterpan phillies phoenix1 pineappl pinkfloy platinum playtime plymouth poiuytrewq pokemon1
polniypizdec0211 poohbear poontang porkchop porsche9 portland portugal precious predator presario
princess princess1 punisher punkrock q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 qawsedrf qazwsx123 qazwsxed
qazwsxedc qazwsxedcrfv qazxswedc qweasdzxc qweqweqwe qwer1234 qwerasdf qwert123 qwerty12 qwerty123
qwerty1234 qwerty12345 qwerty123456 qwerty789 qwertyui qwertyuio qwertyuiop ragnarok raiders1 raistlin
rammstein rangers1 redalert redskins redwings renegade rfnthbyf rhbcnbyf richard1 rightnow rjirfrgbde
rockstar rolltide romashka root1234 rootbeer rush2112 sailboat samantha samsung1 sandiego sapphire
saratoga scarface scoobydo scooter1 scorpion scotland sebastia secret123 security seinfeld seminole
semperfi sentinel septembe serenity shamrock shaney14 sherlock showtime simpsons sithlord skittles
skywalke skywalker slapshot slipknot snickers snowball snuggles socrates softball software soso123aljg
spartans spectrum spiderma spiderman spitfire squirrel srinivas stallion starbuck starcraft stardust
starfish stargate startrek starwars steelers stephani stingray stocking stonecol stranger stripper
summer2024 sundance sunshine sunshine1 super123 superfly superman superstar svetlana sweetpea swimming
swordfis swordfish syracuse tacobell talkbyte talkbyte1 talkbyte123 tarheels technics terminator
test1234 testing1 testing123 testtest thailand thankyou thuglife thunder1 titleist toortoor tottenha
treasure trfnthbyf trombone truelove trustno1 turkey50 twilight ultimate vacation valentin valentina
valhalla vanhalen verbatim veronika vfrcbvrf viktoria vkontakte vladimir vladislav warcraft warhammer
warriors waterloo webmaster welcome1 welcome123 werewolf westside whatever whocares wildcats wildfire
william1 winter2024 wolfgang wolfpack wolverin wolverine woofwoof wordpass wrangler wrinkle1 yankees1
zaq12wsx zaq1xsw2 zeppelin zxcasdqwe zxcv1234
`
    .trim()
    .split(/\s+/),
);
