# errors-manual.awk - linli-errors(7) from the table of codes, so that they cannot disagree:
#
#   LINLI_LANG=en linli explain | awk -f tools/errors-manual.awk > linli-errors.7

# A line that begins with a dot or a quote would be a request to the formatter.
function text(line)
{
    gsub(/\\/, "\\e", line)
    return line ~ /^[.']/ ? "\\&" line : line
}

BEGIN {
    print ".Dd $Mdocdate$"
    print ".Dt LINLI-ERRORS 7"
    print ".Os"
    print ".Sh NAME"
    print ".Nm linli-errors"
    print ".Nd what the codes of linli and linlid mean"
    print ".Sh DESCRIPTION"
    print "Every trouble has a stable code, in messages, in"
    print ".Ql --json"
    print "and in the journal."
    print "LL-E codes tell why something was refused or failed, LL-W codes are what"
    print ".Ql linli status"
    print "finds amiss."
    print "Numbers are never reused."
    print "In the texts NAME stands for a peer, COUNT for a number and AGE for a span of time."
    print ".Bl -tag -width LL-E0000"
}

/^LL-/ {
    print ".It " $1
    print text(substr($0, length($1) + 3)) "."
}

/^ / && !/^ +Next: / {
    sub(/^ +/, "")
    print text($0)
}

/^ +Next: / {
    sub(/^ +Next: /, "")
    print ".br"
    print "Next: " text($0)
}

END {
    print ".El"
    print ".Sh SEE ALSO"
    print ".Xr linli 1 ,"
    print ".Xr linlid 8"
}
