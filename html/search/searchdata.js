var indexSectionsWithContent =
{
  0: "abcdefhiklmnopqrstuvw",
  1: "cdfhkmqrsw",
  2: "a",
  3: "v",
  4: "abcdefhkmopqrstvw",
  5: "abcdefhiklmoprstuvw",
  6: "r",
  7: "cdfrsu",
  8: "acfkmnopstuw",
  9: "o",
  10: "a"
};

var indexSectionNames =
{
  0: "all",
  1: "classes",
  2: "namespaces",
  3: "files",
  4: "functions",
  5: "variables",
  6: "typedefs",
  7: "enums",
  8: "enumvalues",
  9: "related",
  10: "defines"
};

var indexSectionLabels =
{
  0: "All",
  1: "Classes",
  2: "Namespaces",
  3: "Files",
  4: "Functions",
  5: "Variables",
  6: "Typedefs",
  7: "Enumerations",
  8: "Enumerator",
  9: "Friends",
  10: "Macros"
};

