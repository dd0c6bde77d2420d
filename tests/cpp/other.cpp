// A second file of the same program that includes the header: it must not define anything twice.
#include <ocireg.hpp>

std::string version_in_other_file();

std::string version_in_other_file()
{
    return ocireg::version();
}
