//===- json_test.cpp - strict JSON and typed fields -----------------------===//

#include "peft/runtime/json.h"
#include "reader_test_util.h"

using namespace peft;
using namespace peft::test;

TEST(Json, ReadsEveryKindOfValue) {
  auto value = parseJson(R"({"a":[1,-2,2.5,1e6,true,null,"xé"],"b":{"c":{}}})", "x");
  ASSERT_TRUE(value) << value.status().message();
  EXPECT_EQ(printJson(*value), R"({"a":[1,-2,2.5,1000000.0,true,null,"xé"],"b":{"c":{}}})");
}

TEST(Json, RefusesWithPlaceAndCause) {
  expectError(parseJson("{\"a\": 1,\n \"b\": tru}", "f.json"), "'f.json' at line 2, column 10");
  expectError(parseJson("{\"a\":1,\"b\":2,\"a\":3}", "f"), "key 'a' appears twice");
  expectError(parseJson("{} x", "f"), "line 1, column 4");
  expectError(parseJson("", "f"), "unexpected end of input");
  expectError(parseJson("\"\xff\"", "f"), "UTF-8");
  expectError(parseJson("[1e999]", "f"), "cannot read JSON of 'f'");
}

TEST(Json, BoundsDepth) {
  EXPECT_TRUE(parseJson(std::string(100, '[') + std::string(100, ']'), "f"));
  expectError(parseJson(std::string(101, '[') + std::string(101, ']'), "f"), "deeper than 100");
  expectError(parseJson(std::string(1000000, '['), "f"), "deeper than 100");
}

TEST(Json, FieldsHaveTypes) {
  auto v = parseJson(
      R"({"i":3,"f":1e6,"h":0.5,"s":"t","b":false,"n":null,"l":[1,2],"big":18446744073709551615})", "x");
  ASSERT_TRUE(v);
  EXPECT_EQ(*getInt(*v, "i", "c"), 3);
  EXPECT_EQ(*getInt(*v, "f", "c"), 1000000);
  EXPECT_EQ(*getNumber(*v, "i", "c"), 3.0);
  EXPECT_EQ(*getString(*v, "s", "c"), "t");
  EXPECT_EQ(*getBool(*v, "b", "c"), false);
  EXPECT_EQ(*getInts(*v, "l", "c"), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(*getIntOr(*v, "n", "c", 7), 7);
  EXPECT_EQ(*getStringOr(*v, "none", "c", "d"), "d");
  expectError(getInt(*v, "h", "c.json"), "c.json: key 'h' expected an integer, got 0.5");
  expectError(getInt(*v, "big", "c"), "expected an integer");
  expectError(getBoolOr(*v, "i", "c", true), "expected true or false, got 3");
  expectError(getString(*v, "n", "c"), "key 'n' is missing");
  expectError(getStrings(*v, "l", "c"), "expected a list of strings, got [1,2]");
}
