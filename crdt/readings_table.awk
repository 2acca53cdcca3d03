# Makes readings_table.c from Unihan_Readings.txt, which Debian's package unicode-data has
# compressed in /usr/share/unicode:
#
#   bzcat /usr/share/unicode/Unihan_Readings.txt.bz2 |
#     awk -f crdt/readings_table.awk >crdt/readings_table.c
#
# Every reading of kTGHZ2013 (the 8,105 characters of the national list, whose readings in
# names are among them) and of kMandarin, without tones, ü as v. Of characters outside
# U+4E00..U+9FFF only those of the national list.
BEGIN { FS = "\t" }

function number_of(hex,    i, value) {
  for (i = 1; i <= length(hex); i++)
    value = value * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1
  return value
}

function plain(text) {
  gsub(/ā|á|ǎ|à/, "a", text)
  gsub(/ē|é|ě|è|ê|ế|ề/, "e", text)
  gsub(/ī|í|ǐ|ì/, "i", text)
  gsub(/ō|ó|ǒ|ò/, "o", text)
  gsub(/ū|ú|ǔ|ù/, "u", text)
  gsub(/ǖ|ǘ|ǚ|ǜ|ü/, "v", text)
  gsub(/ń|ň|ǹ/, "n", text)
  gsub(/ḿ/, "m", text)
  gsub(/̄|̌|̀/, "", text)
  gsub(/[0-9.,:]+/, " ", text)
  return text
}

$2 == "kTGHZ2013" || $2 == "kMandarin" {
  code = number_of(substr($1, 3))
  if ((code < 19968 || code > 40959) && $2 != "kTGHZ2013")
    next
  count = split(plain($3), readings, / +/)
  for (i = 1; i <= count; i++)
    if (readings[i] ~ /^[a-z]+$/ && index(" " of[code] " ", " " readings[i] " ") == 0) {
      of[code] = of[code] == "" ? readings[i] : of[code] " " readings[i]
      if (!(readings[i] in seen)) {
        seen[readings[i]] = 1
        syllables[++syllable_count] = readings[i]
      }
    }
}

function sort(list, count,    i, j, held) {
  for (i = 2; i <= count; i++) {
    held = list[i]
    for (j = i - 1; j > 0 && list[j] > held; j--)
      list[j + 1] = list[j]
    list[j + 1] = held
  }
}

# In lines of 90 columns.
function put(text) {
  if (width + length(text) > 86) {
    printf "\n   "
    width = 3
  }
  printf " %s", text
  width += length(text) + 1
}

function list_of(code,    i, count, parts) {
  if (of[code] == "")
    return 0
  if (!(of[code] in list_at)) {
    list_at[of[code]] = list_size + 1
    count = split(of[code], parts, " ")
    for (i = 1; i <= count; i++)
      lists[++list_size] = number[parts[i]] + (i == count ? 32768 : 0)
  }
  return list_at[of[code]]
}

END {
  sort(syllables, syllable_count)
  for (i = 1; i <= syllable_count; i++)
    number[syllables[i]] = i - 1
  print "/* Made by readings_table.awk from Unihan_Readings.txt of Unicode 15.0. */"
  print "#include \"crdt/readings.h\"\n"
  print "/* clang-format off */"
  printf "const char readings_syllables[][READING_SIZE] = {"
  width = 90
  for (i = 1; i <= syllable_count; i++)
    put("\"" syllables[i] "\",")
  print "\n};\n"
  printf "const uint16_t readings_of[READINGS_LAST - READINGS_FIRST + 1] = {"
  width = 90
  for (code = 19968; code <= 40959; code++)
    put(list_of(code) ",")
  print "\n};\n"
  for (code in of)
    if (code + 0 < 19968 || code + 0 > 40959)
      rare[++rare_count] = code + 0
  sort(rare, rare_count)
  printf "const struct rare_reading readings_rare[] = {"
  width = 90
  for (i = 1; i <= rare_count; i++)
    put("{" rare[i] ", " list_of(rare[i]) "},")
  print "\n};"
  print "const size_t readings_rare_count = ARRAY_SIZE(readings_rare);\n"
  printf "const uint16_t readings_lists[] = {\n    0,"
  width = 6
  for (i = 1; i <= list_size; i++)
    put(lists[i] ",")
  print "\n};"
}
