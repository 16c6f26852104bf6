@echo off
rem Starts Phial. In a checkout, builds it on first use; after a change of sources, bin\build.cmd builds it again.
setlocal
rem from an archive, with all it needs
set "dist=%~dp0."
set "java=%~dp0runtime\bin\java.exe"
set kind=image
if exist "%java%" goto start

call "%~dp0bin\find-jdk.cmd" || exit /b 1
set "dist=%~dp0cli\target\dist"
set "java=%JAVA_HOME%\bin\java.exe"
set kind=jdk
if exist "%dist%\built" goto start
call "%~dp0bin\build.cmd" 1>&2 || exit /b 1

:start
rem the cache of loaded and linked classes that the build trained; a JVM that cannot use it goes without
set "cache="
if exist "%dist%\phial.aot" set cache="-XX:AOTCache=%dist%\phial.aot"
rem what the command keeps in memory
set memory=heap
for %%C in (run chat serve eval calibrate tokenize) do if "%~1"=="%%C" set memory=engine
if "%~1"=="tune" set memory=method
for %%A in (%*) do if "%%~A"=="--method" set memory=method
"%java%" "@%~dp0bin\phial.args" "@%~dp0bin\%kind%.args" "@%~dp0bin\%memory%.args" %cache% -cp "%dist%\lib\*" dev.phial.cli.Main %*
