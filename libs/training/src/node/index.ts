/** @file What training needs of Node: files. */
