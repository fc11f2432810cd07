//===- PythonSyntax.cpp - what Python's re would read alike ---------------===//
//
// PCRE2's syntax is larger than that of Python's re: (?R), \K, \Q...\E, (*VERB) and
// others are errors there, and a few things, such as {,3}, mean something else. This
// walks through a pattern as Python's parser does and stops at the first of them.
//
// PCRE2 has compiled the pattern before: brackets close, names are words, and groups
// are not nested deeper than its limit, so that the recursion here is bounded.
//
//===----------------------------------------------------------------------===//

#include "PythonSyntax.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

#include <vector>

using namespace llvm;
using namespace peft;

namespace {

/// How many characters a part matches; Python wants one number behind (?<=.
struct Width {
  uint64_t least = 0, most = 0;

  static constexpr uint64_t unbounded = UINT32_MAX;
  Width operator+(Width other) const {
    return {std::min(least + other.least, unbounded), std::min(most + other.most, unbounded)};
  }
};

class PythonSyntax {
public:
  explicit PythonSyntax(StringRef pattern) : pattern(pattern), rest(pattern) {}

  std::optional<SyntaxProblem> run() {
    // Flags of the whole pattern stand at its start.
    for (size_t end; rest.starts_with("(?") && (end = rest.find_first_not_of("ims", 2)) > 2 &&
                     rest.substr(end).starts_with(")");)
      rest = rest.drop_front(end + 1);
    alternatives();
    return problem;
  }

private:
  struct Group {
    Width width;
    bool closed = false;
  };

  Width alternatives();
  Width sequence();
  void skipComments();
  Width item();
  bool quantifier(uint64_t &lowest, uint64_t &highest);
  std::optional<StringRef> braces() const;
  Width parenthesis();
  Width condition();
  void flags(size_t start);
  Width body(size_t group = 0);
  Width escape();
  Width reference(Group *group, size_t start);
  void set();

  size_t offset() const { return pattern.size() - rest.size(); }
  /// Keeps the first problem, and leaves nothing to go on with.
  Width fail(const Twine &message, size_t at) {
    if (!problem)
      problem = {message.str(), at};
    rest = StringRef();
    return {};
  }
  Width unknown(StringRef what, size_t at) { return fail("Python's re has no '" + what + "'", at); }
  Group *named(StringRef name) {
    auto found = names.find(name);
    return found == names.end() ? nullptr : &groups[found->second];
  }

  StringRef pattern, rest;
  std::vector<Group> groups = std::vector<Group>(1); // group 0 is the whole pattern, which is never closed
  StringMap<size_t> names;
  std::optional<SyntaxProblem> problem;
};

} // namespace

Width PythonSyntax::alternatives() {
  Width width = sequence();
  while (rest.consume_front("|")) {
    Width other = sequence();
    width = {std::min(width.least, other.least), std::max(width.most, other.most)};
  }
  return width;
}

Width PythonSyntax::sequence() {
  Width width;
  for (skipComments(); !rest.empty() && rest[0] != '|' && rest[0] != ')'; skipComments()) {
    Width part = item();
    skipComments();
    uint64_t lowest, highest;
    if (quantifier(lowest, highest))
      part = {std::min(part.least * lowest, Width::unbounded),
              std::min(part.most * highest, Width::unbounded)};
    width = width + part;
  }
  return width;
}

/// A comment changes nothing, not even between a thing and its quantifier.
void PythonSyntax::skipComments() {
  while (rest.starts_with("(?#"))
    rest = rest.drop_front(rest.find(')') + 1);
}

/// ?, *, +, {m}, {m,} or {m,n}, each also lazy or possessive (the latter since Python 3.11).
bool PythonSyntax::quantifier(uint64_t &lowest, uint64_t &highest) {
  if (rest.empty())
    return false;
  lowest = rest[0] == '+';
  highest = rest[0] == '?' ? 1 : Width::unbounded;
  if (std::optional<StringRef> inner = braces()) {
    auto [low, high] = inner->split(',');
    if (low.getAsInteger(10, lowest)) // PCRE2 has limited them to 65535
      return false;
    if (!inner->contains(','))
      highest = lowest;
    else if (high.getAsInteger(10, highest))
      highest = Width::unbounded;
    rest = rest.drop_front(inner->size() + 2);
  } else if (StringRef("?*+").contains(rest[0])) {
    rest = rest.drop_front();
  } else {
    return false;
  }
  if (!rest.consume_front("?"))
    rest.consume_front("+");
  return true;
}

/// What is in {m}, {m,n}, {m,} or {,n}; other braces both read as characters.
std::optional<StringRef> PythonSyntax::braces() const {
  size_t end = rest.find_first_not_of("0123456789,", 1);
  StringRef inner = rest.slice(1, end);
  if (!rest.starts_with("{") || end == StringRef::npos || rest[end] != '}' || inner.empty() ||
      inner.count(',') > 1)
    return std::nullopt;
  return inner;
}

Width PythonSyntax::item() {
  switch (rest[0]) {
  case '\\':
    return escape();
  case '[':
    set();
    return {1, 1};
  case '(':
    return parenthesis();
  case '^':
  case '$':
    rest = rest.drop_front();
    return {};
  case '{':
    if (std::optional<StringRef> inner = braces()) // PCRE2 has not taken it for a repeat
      return fail("Python's re reads '{" + *inner + "}' as '{0" + *inner +
                      "}', PCRE2 as characters; write '{0" + *inner + "}' or '\\{" + *inner + "}'",
                  offset());
    [[fallthrough]];
  default:
    // A character of several bytes; widths count characters.
    rest = rest.drop_front();
    while (!rest.empty() && (uint8_t(rest[0]) & 0xc0) == 0x80)
      rest = rest.drop_front();
    return {1, 1};
  }
}

//===--- Groups ------------------------------------------------------------===//

/// What is left of a group, to its parenthesis.
Width PythonSyntax::body(size_t group) {
  Width width = alternatives();
  rest.consume_front(")");
  if (group)
    groups[group] = {width, true};
  return width;
}

Width PythonSyntax::parenthesis() {
  size_t start = offset();
  rest = rest.drop_front();
  if (rest.starts_with("*"))
    return unknown("(*", start);
  bool hasName = rest.consume_front("?P<");
  if (hasName || !rest.starts_with("?")) {
    groups.emplace_back();
    if (hasName) {
      names[rest.take_until([](char c) { return c == '>'; })] = groups.size() - 1;
      rest = rest.drop_front(rest.find('>') + 1);
    }
    return body(groups.size() - 1);
  }
  if (rest.consume_front("?P=")) {
    StringRef name = rest.take_until([](char c) { return c == ')'; });
    rest = rest.drop_front(name.size() + 1);
    return reference(named(name), start);
  }
  if (rest.consume_front("?:") || rest.consume_front("?>"))
    return body();
  if (rest.consume_front("?=") || rest.consume_front("?!")) {
    body();
    return {};
  }
  if (rest.consume_front("?<=") || rest.consume_front("?<!")) {
    Width width = body();
    if (!problem && width.least != width.most)
      return fail("Python's re looks behind only at texts of one length", start);
    return {};
  }
  if (rest.consume_front("?("))
    return condition();
  flags(start);
  return body();
}

/// (?(group)yes|no), behind its second parenthesis.
Width PythonSyntax::condition() {
  size_t start = offset() - 3;
  StringRef name = rest.take_until([](char c) { return c == ')'; });
  size_t number = 0;
  bool isNumber = !name.empty() && all_of(name, isDigit) && !name.getAsInteger(10, number);
  if (isNumber ? number == 0 || number >= groups.size() : !named(name))
    return fail("Python's re knows no group '" + name + "' here", start);
  rest = rest.drop_front(name.size() + 1);
  Width width = sequence(), other;
  if (rest.consume_front("|"))
    other = sequence();
  rest.consume_front(")");
  return {std::min(width.least, other.least), std::max(width.most, other.most)};
}

/// (?on-off: of a group, without its '('.
void PythonSyntax::flags(size_t start) {
  StringRef text = rest.drop_front().take_until([](char c) { return c == ':' || c == ')'; });
  StringRef whole = pattern.substr(start, text.size() + 3);
  auto [on, off] = text.split('-');
  if (text.empty() || text.find_first_not_of("imsx-") != StringRef::npos)
    unknown(whole.take_front(3), start);
  else if (text.contains('x'))
    fail("the flag x is not supported", start);
  else if (off.contains('-') || off.empty() == text.contains('-') || on.find_first_of(off) != StringRef::npos)
    unknown(whole, start);
  else if (whole.ends_with(")"))
    fail("Python's re takes '" + whole + "' only at the start; '" + whole.drop_back() +
             ":...)' is for a part",
         start);
  else
    rest = rest.drop_front(text.size() + 2);
}

Width PythonSyntax::reference(Group *group, size_t start) {
  if (!group || !group->closed)
    return fail("Python's re refers only to groups that are closed before", start);
  return group->width;
}

//===--- Characters --------------------------------------------------------===//

Width PythonSyntax::escape() {
  size_t start = offset();
  char c = rest[1];
  if (isDigit(c)) {
    size_t digits = rest.drop_front().find_first_not_of("0123456789");
    StringRef number = rest.substr(1, digits);
    size_t group = 0;
    if (c == '0' || number.size() > 2 || number.getAsInteger(10, group))
      return fail("octal escapes are not supported; write \\xHH", start);
    rest = rest.drop_front(1 + number.size());
    return reference(group < groups.size() ? &groups[group] : nullptr, start);
  }
  rest = rest.drop_front(2);
  if (StringRef("AZbB").contains(c))
    return {};
  if (c == 'x') {
    if (rest.size() < 2 || !isHexDigit(rest[0]) || !isHexDigit(rest[1]))
      return fail("Python's re wants two digits behind '\\x'", start);
    rest = rest.drop_front(2);
  } else if (c == 'v') {
    return fail("Python's re reads '\\v' as one character, PCRE2 as a set; write \\x0b", start);
  } else if (isAlpha(c) && !StringRef("dDsSwWafnrt").contains(c)) {
    return unknown(pattern.substr(start, 2), start);
  }
  while (!rest.empty() && (uint8_t(rest[0]) & 0xc0) == 0x80)
    rest = rest.drop_front(); // the others of an escaped character's bytes
  return {1, 1};
}

void PythonSyntax::set() {
  rest = rest.drop_front();
  rest.consume_front("^");
  for (bool first = true; !rest.empty() && (first || rest[0] != ']'); first = false) {
    size_t start = offset();
    if (rest[0] == '[' && rest.size() > 1 && StringRef(":.=").contains(rest[1]))
      fail("Python's re has no named classes and reads '" + rest.take_front(2) +
               "' as characters; write '\\" + rest.take_front(2) + "' for them",
           start);
    else if (rest[0] != '\\')
      rest = rest.drop_front();
    else if (isDigit(rest[1]))
      fail("octal escapes are not supported; write \\xHH", start);
    else
      escape(); // \b is a backspace here
  }
  rest.consume_front("]");
}

std::optional<SyntaxProblem> peft::findForeignSyntax(StringRef pattern) {
  return PythonSyntax(pattern).run();
}
